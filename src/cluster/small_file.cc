#include "cluster/small_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <iterator>

#include <millrace/error.h>

namespace millrace::cluster {

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_whole(const std::string& path, const std::string& content) {
  const std::string fresh = path + ".new";
  std::ofstream file(fresh, std::ios::binary);
  file << content;
  file.close();
  if (!file || std::rename(fresh.c_str(), path.c_str()) != 0) {
    throw Error(Cause::output, fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
  }
}

}  // namespace millrace::cluster
