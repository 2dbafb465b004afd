#pragma once

#include <streambuf>
#include <string_view>
#include <vector>

namespace millrace::cli {

/// Carries std::cout to file descriptor 1 while it lives. What cannot be written (a full disk, say) must not look like
/// success: the insertion or flush that meets it throws Error(Cause::output) with the system's reason. For one thread.
class StandardOutput : public std::streambuf {
 public:
  StandardOutput();
  /// What was not flushed is lost.
  ~StandardOutput() override;
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;

 protected:
  int_type overflow(int_type next) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  void write(const char* text, std::size_t size);

  std::vector<char> buffer_;
  std::streambuf* before_;
};

/// Appends to standard output.
void print(std::string_view text);

}  // namespace millrace::cli
