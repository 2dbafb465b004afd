#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace bench {

// A file written in large blocks. Any failure ends the program: a generator has nothing to save.
class Output {
 public:
  explicit Output(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "wb")) {
    if (file_ == nullptr) fail();
    buffer_.reserve(kBlock + 4096);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() {
    flush();
    if (std::fclose(file_) != 0) fail();
  }

  Output& operator<<(std::string_view text) {
    buffer_.append(text);
    if (buffer_.size() >= kBlock) flush();
    return *this;
  }
  Output& operator<<(char c) { return *this << std::string_view(&c, 1); }
  Output& operator<<(std::uint64_t number) { return *this << std::to_string(number); }

  std::uint64_t written() const { return written_ + buffer_.size(); }

 private:
  static constexpr std::size_t kBlock = 1 << 20;

  void flush() {
    if (std::fwrite(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size()) fail();
    written_ += buffer_.size();
    buffer_.clear();
  }

  [[noreturn]] void fail() const {
    std::perror(path_.c_str());
    std::exit(1);
  }

  std::string path_;
  std::FILE* file_;
  std::string buffer_;
  std::uint64_t written_ = 0;
};

}  // namespace bench
