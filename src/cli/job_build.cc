#include "cli/job_build.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>
#include <xxhash.h>

#include <millrace/error.h>

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::error_code error;
  if (!file || fs::is_directory(path, error)) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string hash(const std::string& bytes) {
  const XXH128_hash_t value = XXH3_128bits(bytes.data(), bytes.size());
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx", static_cast<unsigned long long>(value.high64),
                static_cast<unsigned long long>(value.low64));
  return text.data();
}

std::vector<std::string> split(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

/// Size and time of every archive: rebuilding the engine makes earlier jobs stale.
std::string engine_identity(const JobFlags& flags) {
  std::string identity;
  for (const std::string& archive : flags.archives) {
    struct stat status {};
    if (stat(archive.c_str(), &status) != 0)
      throw Error(Cause::input, "the engine's library '" + archive + "' is missing: build or install Millrace again");
    identity += archive + ' ' + std::to_string(status.st_size) + ' ' + std::to_string(status.st_mtim.tv_sec) + '.' +
                std::to_string(status.st_mtim.tv_nsec) + '\n';
  }
  return identity;
}

/// The files that a compilation read, out of the make rule that the compiler wrote: "target: file file \<newline> …".
std::vector<std::string> dependencies(const fs::path& rule) {
  std::string text = read_file(rule).value_or("");
  text.erase(0, text.find(": ") + 1);
  std::vector<std::string> files;
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 1 < text.size();
    if (escaped && text[i + 1] != '\n') {
      name += text[++i];
    } else if (escaped || text[i] == ' ' || text[i] == '\n') {
      if (escaped) ++i;
      if (!name.empty()) files.push_back(std::exchange(name, {}));
    } else {
      name += text[i];
    }
  }
  return files;
}

/// Whether each file listed in `listing`, as "hash path" lines, still has that content.
bool unchanged(const fs::path& listing) {
  std::ifstream lines(listing);
  if (!lines) return false;
  for (std::string line; std::getline(lines, line);) {
    const auto blank = line.find(' ');
    if (blank == std::string::npos) return false;
    const auto content = read_file(line.substr(blank + 1));
    if (!content || hash(*content) != line.substr(0, blank)) return false;
  }
  return true;
}

/// Runs a program to its end, with its output on standard error. Returns its exit status, 127 when it does not exist.
int run_program(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) throw Error(Cause::internal, std::string("cannot start the compiler: ") + std::strerror(errno));
  if (child == 0) {
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execvp(pointers[0], pointers.data());
    _exit(errno == ENOENT ? 127 : 126);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Removes a file, which may not exist, at the end of a scope.
struct Temporary {
  fs::path path;
  ~Temporary() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
};

void compile(const std::string& source, const JobFlags& flags, const fs::path& executable, const fs::path& listing) {
  const std::string suffix = "." + std::to_string(getpid());
  const Temporary made{executable.string() + suffix};
  const Temporary rule{executable.string() + suffix + ".d"};
  const Temporary hashes{listing.string() + suffix};
  std::vector<std::string> words{flags.compiler};
  words.insert(words.end(), flags.flags.begin(), flags.flags.end());
  words.insert(words.end(), {"-MMD", "-MF", rule.path, "-I" + flags.include, source, "-o", made.path, "-Wl,--as-needed",
                             "-Wl,--start-group"});
  words.insert(words.end(), flags.archives.begin(), flags.archives.end());
  words.push_back("-Wl,--end-group");
  words.insert(words.end(), flags.libraries.begin(), flags.libraries.end());

  const int status = run_program(words);
  if (status == 127)
    throw Error(Cause::usage,
                "there is no compiler '" + flags.compiler + "' here; install it, on Debian with: apt install g++");
  if (status != 0)
    throw Error(Cause::user_code, source + " does not compile (" + flags.compiler + " has said why above)");

  std::ofstream listed(hashes.path);
  for (const std::string& file : dependencies(rule.path)) {
    if (const auto content = read_file(file)) listed << hash(*content) << ' ' << fs::absolute(file).string() << '\n';
  }
  listed.close();
  if (!listed) throw Error(Cause::out_of_disk, "cannot write '" + hashes.path.string() + "': " + std::strerror(errno));
  fs::rename(made.path, executable);
  fs::rename(hashes.path, listing);
}

fs::path executable_folder() { return fs::read_symlink("/proc/self/exe").parent_path(); }

}  // namespace

JobFlags find_job_flags() {
  const fs::path folder = executable_folder();
  for (const fs::path& path : {folder / "millrace.flags", folder / MILLRACE_INSTALLED_FLAGS}) {
    std::ifstream lines(path);
    if (!lines) continue;
    const auto resolve = [&](const std::string& name) {
      return (path.parent_path() / name).lexically_normal().string();
    };
    JobFlags flags;
    for (std::string line; std::getline(lines, line);) {
      const auto equals = line.find(" = ");
      if (equals == std::string::npos) continue;
      const std::string name = line.substr(0, equals);
      const std::string value = line.substr(equals + 3);
      if (name == "compiler") flags.compiler = value;
      if (name == "include") flags.include = resolve(value);
      if (name == "flags") flags.flags = split(value);
      if (name == "libraries") flags.libraries = split(value);
      if (name == "archive") flags.archives.push_back(resolve(value));
    }
    return flags;
  }
  throw Error(Cause::input,
              "no millrace.flags beside '" + folder.string() + "/millrace': build or install Millrace again");
}

std::string build_job(const std::string& source, const JobFlags& flags, const std::string& cache) {
  errno = 0;
  const auto text = read_file(source);
  if (!text) throw Error(Cause::input, "cannot read '" + source + "': " + std::strerror(errno == 0 ? EISDIR : errno));
  // The source's own folder is part of the key: what #include "x.h" means depends on it.
  std::string key = *text + '\n' + fs::absolute(source).string() + '\n' + flags.compiler + '\n' + flags.include + '\n';
  for (const auto* words : {&flags.flags, &flags.libraries})
    for (const std::string& word : *words) key += word + '\n';
  key = hash(key + engine_identity(flags));
  const fs::path folder = fs::path(cache) / "jobs";
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(Cause::output, "cannot make the cache folder '" + folder.string() + "': " + error.message());
  const fs::path executable = folder / key;
  const fs::path listing = folder / (key + ".files");
  if (!fs::exists(executable) || !unchanged(listing)) compile(source, flags, executable, listing);
  return executable.string();
}

std::string job_cache() {
  if (const char* folder = std::getenv("XDG_CACHE_HOME"); folder != nullptr && *folder != '\0')
    return std::string(folder) + "/millrace";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return std::string(home) + "/.cache/millrace";
  return "/tmp/millrace-" + std::to_string(getuid());
}

}  // namespace millrace::cli
