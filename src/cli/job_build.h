#pragma once

#include <string>
#include <vector>

namespace millrace::cli {

/// How jobs are compiled against the engine, as the build wrote it down beside the executable.
struct JobFlags {
  std::string compiler;
  std::string include;                 ///< directory of the public headers
  std::vector<std::string> flags;      ///< for compiling and linking
  std::vector<std::string> archives;   ///< the engine's static libraries
  std::vector<std::string> libraries;  ///< what those need of the system, as -l flags
};

/// Finds the flags from the place of the running executable: in its build folder, or in the prefix that it was
/// installed to. Throws Error(Cause::input).
JobFlags find_job_flags();

/// The executable made of one C++ source file: from the cache when the source, every file that it includes, the flags
/// and the engine are the same as when it was compiled, else newly compiled. The compiler's messages go to standard
/// error. Safe when several processes build the same job at once.
/// Throws Error: input when the source cannot be read, user_code when it does not compile, usage without a compiler.
std::string build_job(const std::string& source, const JobFlags& flags, const std::string& cache);

/// Where compiled jobs are kept: $XDG_CACHE_HOME/millrace, or ~/.cache/millrace; a folder of the user's own under /tmp
/// when there is no home.
std::string job_cache();

}  // namespace millrace::cli
