#pragma once

#include <cstdint>
#include <filesystem>
#include <gtest/gtest.h>
#include <span>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <vector>

#include <millrace/error.h>

#include "storage/file_system.h"

// What the tests of this folder share. Included by *_test.cc alone.

namespace millrace::storage::testing {

/// A fresh directory of this machine that goes away with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "millrace-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
    path_ = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline void write_file(FileSystem& files, const std::string& path, std::string_view text) {
  const auto file = files.create(path);
  file->write(bytes_of(text));
  file->close();
}

inline std::string read_file(const FileSystem& files, const std::string& path) {
  const auto file = files.open(path);
  std::string text(file->size(), '\0');
  text.resize(file->read_at(0, std::as_writable_bytes(std::span(text))));
  return text;
}

inline bool exists(const FileSystem& files, const std::string& path) {
  FileInfo info;
  return files.stat(path, info);
}

inline std::vector<std::string> paths_of(const std::vector<FileInfo>& entries) {
  std::vector<std::string> paths;
  for (const FileInfo& entry : entries) paths.push_back(entry.path);
  return paths;
}

/// Runs `call`, which has to throw an Error of this cause whose text has every one of `parts`.
template <class Call>
void expect_error(Cause cause, const std::vector<std::string>& parts, Call&& call) {
  try {
    call();
    ADD_FAILURE() << "no error; expected " << name(cause);
  } catch (const Error& error) {
    EXPECT_EQ(std::string(name(error.cause())), name(cause)) << error.what();
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
          << "no \"" << part << "\" in: " << error.what();
    }
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
  }
}

}  // namespace millrace::storage::testing
