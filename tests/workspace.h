#pragma once

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <millrace/millrace.h>

#include "storage/testing.h"

namespace millrace::testing {

using storage::testing::expect_error;

/// The content of a file of this machine.
inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The files of an output directory by name, but for _SUCCESS, which has to be there.
inline std::map<std::string, std::string> read_output(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    files[entry.path().filename().string()] = read_file(entry.path().string());
  }
  EXPECT_EQ(files.erase("_SUCCESS"), 1u) << directory;
  return files;
}

/// The part files of an output directory, one after the other.
inline std::string read_parts(const std::string& directory) {
  std::string all;
  for (const auto& [name, content] : read_output(directory)) {
    if (name.starts_with("part-")) all += content;
  }
  return all;
}

/// The names in a directory, sorted.
inline std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// A directory of its own that goes away with the object, with an empty folder for temporary files in it.
class Workspace {
 public:
  Workspace() { std::filesystem::create_directory(tmp()); }

  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  std::string tmp() const { return path("tmp"); }
  /// Writes a file, with the directories above it, and returns its path.
  std::string write(const std::string& name, std::string_view content) const {
    const std::filesystem::path file = path(name);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file.string();
  }
  /// Options that leave nothing outside of this directory.
  Options options(unsigned threads = 2, std::uint64_t memory_bytes = std::uint64_t{256} << 20) const {
    Options options;
    options.threads = threads;
    options.memory_bytes = memory_bytes;
    options.tmp = tmp();
    return options;
  }

 private:
  storage::testing::TemporaryDirectory directory_;
};

template <class T>
std::vector<T> sorted(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace millrace::testing
