#pragma once

#include <filesystem>
#include <random>
#include <string>

#include "storage/local_file_system.h"

// Input files for the benchmarks of this folder. Included by *_bench.cc alone.

namespace millrace::storage::bench {

/// A file of this machine that goes away with the object; it is in the page cache once it is made.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& label, const std::string& content)
      : path_((std::filesystem::temp_directory_path() / ("millrace-bench-" + label)).string()) {
    const auto file = local_file_system().create(path_);
    file->write(std::as_bytes(std::span(content)));
    file->close();
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Lines of 0 to 2 * mean bytes, made from a fixed seed.
inline std::string lines(std::size_t bytes, std::size_t mean) {
  std::mt19937_64 random(1);
  std::string text;
  text.reserve(bytes + 2 * mean + 1);
  while (text.size() < bytes) {
    for (std::size_t left = random() % (2 * mean + 1); left > 0; --left) {
      text += static_cast<char>('a' + random() % 26);
    }
    text += '\n';
  }
  return text;
}

}  // namespace millrace::storage::bench
