#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <millrace/task.h>

#include "jobs/stream/stream_spec.h"

namespace millrace::jobs::stream {

/// What a mapper reads.
class MapperInput {
 public:
  virtual ~MapperInput() = default;
  /// Goes to the next file of the task's input; false at the end. A mapper's command is run once for each.
  virtual bool next_file() = 0;
  /// The next bytes of that file for the mapper: whole lines, each with its newline. Empty at its end. Valid until the
  /// next call.
  virtual std::string_view next() = 0;
  virtual std::string path() const = 0;
  /// Where in the file the task begins.
  virtual std::uint64_t start() const = 0;
  /// Records given so far.
  virtual std::uint64_t records() const = 0;
};

/// The input of the calling task's partition, as its format has it.
std::unique_ptr<MapperInput> open_mapper_input(TaskContext& task, const StreamSpec& spec);

/// Appends to `lines` what a mapper is given for the lines of `text`, the first of which begins at byte `offset` of its
/// file. Returns how many records they are.
std::uint64_t format_lines(std::string_view text, std::uint64_t offset, const StreamSpec& spec, std::string& lines);

/// Calls visit(record, offset) for what stands between the marks, marks included.
void for_each_xml_record(std::string_view text, const StreamSpec& spec,
                         const std::function<void(std::string_view record, std::uint64_t offset)>& visit);

}  // namespace millrace::jobs::stream
