#include <exception>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "cli/hadoop/file_shell.h"
#include "cli/hadoop/hadoop_jar.h"
#include "storage/local_file_system.h"

// What clients written for Hadoop call as `hadoop`. Its first line of `version` is parsed by them: the release whose
// behaviour is kept comes first.

namespace millrace::cli {
namespace {

void print_usage(std::ostream& out) {
  out << "Usage: hadoop COMMAND [ARGUMENT…]\n\n"
         "  version              the release of Hadoop that this program stands in for\n"
         "  fs COMMAND           files: -ls -mkdir -put -get -cat -text -rm -mv -cp -du -touchz -test -getmerge\n"
         "  jar …streaming….jar  a streaming job; -info lists the options\n"
         "  classpath            nothing: there is no Java here\n\n"
         "hdfs:// names need MILLRACE_HDFS_ROOT, a directory that stands in for the cluster's file system.\n";
}

int run(std::span<const std::string> words) {
  if (words.empty()) {
    print_usage(std::cerr);
    return 1;
  }
  const std::string& command = words.front();
  const std::span<const std::string> rest = words.subspan(1);
  if (command == "version") {
    std::cout << "Hadoop 3.3.6\nStood in for by Millrace " MILLRACE_VERSION "\n";
    return 0;
  }
  if (command == "fs" || command == "dfs") {
    FileShell shell(storage::local_file_system(), std::cin, std::cout, std::cerr);
    return shell.run(rest);
  }
  if (command == "jar") return run_jar(rest);
  if (command == "classpath") {
    std::cout << '\n';
    return 0;
  }
  if (command == "help" || command == "--help" || command == "-help") {
    print_usage(std::cout);
    return 0;
  }
  std::cerr << "ERROR: " << command << " is not COMMAND nor fully qualified CLASSNAME.\n";
  print_usage(std::cerr);
  return 1;
}

}  // namespace
}  // namespace millrace::cli

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    return millrace::cli::run(words);
  } catch (const std::exception& error) {
    std::cerr << "hadoop: " << error.what() << '\n';
    return 1;
  }
}
