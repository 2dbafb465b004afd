#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "observe/event_decoder.h"
#include "observe/growing_file.h"
#include "observe/logged.h"

namespace millrace::observe {

/// Writes the records to a file, one JSON object a line (docs/formats.md, "Event log"): all but TaskProgress, LiveBytes
/// and each Tick that the scheduler did not answer by an action. What is not written yet is lost when the process dies;
/// when a job or the run ends, all before it is in the file.
///
/// A log that can no longer be written does not stop the run: the writer keeps the first failure, writes no more, and
/// close() throws it.
class EventLogWriter : public Observer {
 public:
  /// Creates or truncates. Throws Error(output, or out_of_disk).
  explicit EventLogWriter(std::string path);
  void on(const Logged& record) override;

  /// Everything is in the file, or Error says why not. Records after it are ignored.
  void close();

 private:
  GrowingFile file_;
  std::optional<Time> tick_;  // of a Tick that was the last record
};

/// Reads an event log from a file or from memory, record by record. One thread at a time.
///
/// Kinds of record and fields that it does not know are skipped. A last line without its newline that is no record is
/// what a crash leaves behind: it is a warning. Anything else that is wrong throws Error(bad_data) with file and line.
class EventLogReader {
 public:
  /// Throws Error(input) when the file cannot be opened, Error(bad_data) when it does not start as an event log does.
  explicit EventLogReader(std::string path);
  /// `name` stands for the file in messages. Copies the text.
  EventLogReader(std::string name, std::string_view text);
  ~EventLogReader();
  EventLogReader(const EventLogReader&) = delete;
  EventLogReader& operator=(const EventLogReader&) = delete;

  /// False at the end.
  bool next(Logged& record);

  std::uint64_t skipped_records() const noexcept { return skipped_; }  ///< of kinds that it does not know
  const std::vector<std::string>& warnings() const noexcept { return warnings_; }

 private:
  void read_header();
  // The next line without its newline; `whole` is false for a last one that has none. False at the end.
  bool next_line(std::string_view& line, bool& whole);
  bool fill();
  [[noreturn]] void fail(const std::string& what) const;

  std::string name_;
  int file_ = -1;       // -1 when all there is lies in the buffer
  std::string buffer_;  // `size_` bytes of the log, then at least EventDecoder::padding others
  std::size_t begin_ = 0, size_ = 0;
  std::uint64_t line_ = 0;
  std::uint64_t skipped_ = 0;
  std::vector<std::string> warnings_;
  EventDecoder decoder_;
};

}  // namespace millrace::observe
