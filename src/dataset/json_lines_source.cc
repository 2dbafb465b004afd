#include <fmt/format.h>

#include <millrace/json.h>

#include "storage/formats/json_lines.h"

namespace millrace::internal {

struct JsonLineParser::State {
  storage::JsonParser parser;
};

JsonLineParser::JsonLineParser() : state_(std::make_unique<State>()) {}
JsonLineParser::~JsonLineParser() = default;

JsonValue JsonLineParser::parse(std::string_view line) { return state_->parser.parse(line); }

void rethrow_at_record(TaskContext& task) {
  try {
    throw;
  } catch (const Error& error) {
    if (error.cause() != Cause::bad_data) throw;
    throw Error(Cause::bad_data,
                fmt::format("{}: the line at byte {}: {}", task.input_path(), task.input_offset(), error.what()));
  }
}

}  // namespace millrace::internal
