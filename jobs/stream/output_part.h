#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <millrace/task.h>

#include "jobs/stream/byte_sink.h"
#include "jobs/stream/stream_spec.h"

namespace millrace::jobs::stream {

/// The part file of one task: takes the lines that its command prints, or records. Owned by the attempt.
class OutputPart final : public ByteSink {
 public:
  /// `layout` says what is a line's key and what its value.
  OutputPart(TaskContext& task, const StreamSpec& spec, const KeyLayout& layout);
  ~OutputPart() override;

  void write(std::string_view bytes) override;
  void end() override;
  /// `bare`: there is a key only.
  void put(std::string_view key, std::string_view value, bool bare);
  /// The file is complete. Without it, it is none.
  void close();
  std::uint64_t records() const { return records_; }

 private:
  class File;

  void line(std::string_view text);
  void append(std::string_view bytes);
  void flush();
  void open();

  TaskContext& task_;
  const StreamSpec& spec_;
  const KeyLayout& layout_;
  const bool verbatim_;  ///< lines need no change
  LineSplitter lines_;
  bool unfinished_line_ = false;
  std::string buffer_;
  std::unique_ptr<File> file_;
  std::uint64_t records_ = 0;
};

}  // namespace millrace::jobs::stream
