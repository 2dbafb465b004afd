#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <unistd.h>

#include <millrace/error.h>

#include "cli/command.h"
#include "cli/job_build.h"

namespace millrace::cli {
namespace {

constexpr const char* help =
    "Compile a job of one C++ file against the engine, and run it\n"
    "Usage: millrace run [COMMON OPTION…] JOB.cpp [--] [ARGUMENT…]\n\n"
    "Everything behind JOB.cpp goes to the job as it is, and so do the common options before it. The executable is "
    "kept\n"
    "in ~/.cache/millrace, and compiled again only when the file, one that it includes, or the engine has changed.\n"
    "\nOptions:\n"
    "  -h,--help                   Print this help message and exit\n"
    "  --compile-only              Compile, print the executable's name, and do not run it\n"
    "\nCommon options:\n";

/// The words that the job sees: all but this command's own.
std::vector<std::string> job_words(std::vector<std::string> words, const std::string& source) {
  auto at = std::find(words.begin(), words.end(), source);
  at = words.erase(at);
  if (at != words.end() && *at == "--") at = words.erase(at);
  words.erase(std::remove(words.begin(), at, "--compile-only"), at);
  return words;
}

}  // namespace

int run_run(const Invocation& invocation) {
  std::string source;
  bool compile_only = false;
  for (const std::string& word : invocation.options.arguments) {
    if (word == "--help" || word == "-h") {
      std::cout << help << Options::help();
      return 0;
    }
    if (word == "--compile-only") {
      compile_only = true;
    } else if (word.size() > 1 && word.front() == '-') {
      throw Error(Cause::usage, "there is no option '" + word + "'; see millrace run --help");
    } else {
      source = word;
      break;
    }
  }
  if (source.empty()) throw Error(Cause::usage, "which job? Name a C++ file; see millrace run --help");

  const std::string executable = build_job(source, find_job_flags(), job_cache());
  if (compile_only) {
    std::cout << executable << '\n';
    return 0;
  }
  std::vector<std::string> words = job_words(invocation.words, source);
  words.insert(words.begin(), source);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  execv(executable.c_str(), pointers.data());
  throw Error(Cause::internal, "cannot start '" + executable + "': " + std::strerror(errno));
}

}  // namespace millrace::cli
