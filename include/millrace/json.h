#pragma once

#include <cstring>
#include <memory>

#include <millrace/internal/chain.h>
#include <millrace/json_value.h>

namespace millrace::internal {

/// Parses one line after another, in memory that is used again. Belongs to one task.
class JsonLineParser {
 public:
  JsonLineParser();
  JsonLineParser(const JsonLineParser&) = delete;
  JsonLineParser& operator=(const JsonLineParser&) = delete;
  ~JsonLineParser();
  /// The value of a line of a text source's buffer, valid until the next call. Throws Error(bad_data).
  JsonValue parse(std::string_view line);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Rethrows the Error(bad_data) that is being handled, with the file and the byte of the current record before it; any
/// other exception as it is.
[[noreturn]] void rethrow_at_record(TaskContext& task);

/// The values of JSON Lines files: one JSON text a line. Lines with nothing but white space are no values.
struct JsonSource {
  using element = const JsonValue&;
  std::uint32_t node;

  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto input = task.open_source(node, partition);
    JsonLineParser parser;
    std::string_view buffer;
    auto deliver = [&](std::string_view line) {
      if (line.find_first_not_of(" \t\r") == line.npos) return;
      task.at_record(line.data());
      sink(parse(task, parser, line));
    };
    while (!task.stopped() && input->next(buffer)) {
      task.count_records(run_records(task, buffer, &next_line, deliver));
    }
  }
  void save(Encoder& out) const { out.put(node); }
  static JsonSource load(Decoder& in) { return {in.get<std::uint32_t>()}; }

 private:
  static JsonValue parse(TaskContext& task, JsonLineParser& parser, std::string_view line) {
    try {
      return parser.parse(line);
    } catch (...) {
      rethrow_at_record(task);
    }
  }
  static std::string_view next_line(const char*& at, const char* end) {
    const char* const begin = at;
    const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    at = newline != nullptr ? newline + 1 : end;
    return {begin, static_cast<std::size_t>((newline != nullptr ? newline : end) - begin)};
  }
};

}  // namespace millrace::internal
