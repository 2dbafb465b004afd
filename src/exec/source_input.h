#pragma once

#include <functional>
#include <memory>
#include <string>

#include <millrace/task.h>

#include "plan/node.h"
#include "storage/file_system.h"

namespace millrace::exec {

/// The input of one split, whatever its format, and where in it a task is.
class SourceInput : public internal::BufferInput {
 public:
  /// The file of the last buffer; empty when the source is no file.
  virtual std::string_view path() const = 0;
  /// The byte of the file at which the last buffer began (of the decompressed content).
  virtual std::uint64_t offset() const = 0;
  /// Bytes of the input used so far; compressed ones where it is compressed.
  virtual std::uint64_t consumed() const = 0;
};

/// Opens a split. `grown` is told before memory beyond a fixed buffer is taken (a long line); it may throw.
std::unique_ptr<SourceInput> open_source(const storage::FileSystem& files, const plan::Source& source,
                                         const plan::Split& split, std::function<void(std::size_t)> grown);

}  // namespace millrace::exec
