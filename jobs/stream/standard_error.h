#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::jobs::stream {

/// Counters by (group, name).
using Counters = std::map<std::pair<std::string, std::string>, std::int64_t>;

/// Understands what a command writes to its standard error: "reporter:counter:GROUP,COUNTER,AMOUNT" and
/// "reporter:status:MESSAGE" are for the framework, everything else is for the attempt's log.
/// Owned by one attempt, used by its thread.
class StandardError {
 public:
  /// `log` is given whole lines, newline included (the last one of a command may lack it). `prefix` stands for
  /// "reporter:".
  StandardError(std::string prefix, std::function<void(std::string_view)> log);

  /// Takes bytes as they come.
  void add(std::string_view bytes);
  /// There are no more: an unfinished line counts as a line.
  void finish();

  const Counters& counters() const { return counters_; }
  /// The last status reported; empty: none.
  const std::string& status() const { return status_; }
  /// The last lines for the log, at most ten and at most 2 KB, for an error message.
  std::string last_lines() const;

 private:
  void line(std::string_view text);
  bool count(std::string_view fields);

  std::string prefix_;
  std::function<void(std::string_view)> log_;
  std::string unfinished_;
  Counters counters_;
  std::string status_;
  std::deque<std::string> last_;
};

}  // namespace millrace::jobs::stream
