#pragma once

#include <string>

namespace millrace::observe {

/// Throws what GrowingFile would for a file that is to be written later on, without leaving anything there.
void check_writable(const std::string& what, const std::string& path);

/// A file that a view of the run writes from beginning to end while the run goes on. One that can no longer be written
/// does not stop the run: the first failure is kept, no more is written, and close() throws it.
class GrowingFile {
 public:
  /// Creates or truncates. `what` names the file in messages: "the event log". Throws Error(output, or out_of_disk).
  GrowingFile(std::string what, std::string path);
  /// Flushes; a failure goes unnoticed when close() was not called.
  ~GrowingFile();
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;

  /// False when nothing more will be written: after a failure or close().
  bool open() const noexcept { return file_ >= 0 && failure_ == 0; }
  /// What is to be written next; append to it.
  std::string& buffer() noexcept { return buffer_; }
  /// Writes the buffer when it has grown large.
  void flush_if_large() noexcept;
  void flush() noexcept;
  /// Everything is in the file, or Error says why not.
  void close();

 private:
  std::string what_, path_;
  int file_ = -1;
  int failure_ = 0;  // errno of the first write that failed
  std::string buffer_;
};

}  // namespace millrace::observe
