#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plan/node.h"

namespace millrace::exec {

/// The files of a source in this process's memory, to be read where they lie. One file behind the other at rising
/// addresses, in the order of the splits; behind each is a newline that is not in the file, and room to read 64 bytes
/// more. Any thread may read it; it is unmapped with the object.
///
/// A file that is cut while it is mapped reads as zeros from there on; without that, the system would end the process.
/// Then check() throws, so whoever has read a mapping calls that before anything is made of what was read.
class InputMapping {
 public:
  /// Maps what the splits of a text or record source read, and points their ranges at it. Null, with the splits left as
  /// they are, where that cannot be done: files that are compressed, or that a reader has to complain about.
  static std::shared_ptr<const InputMapping> map(plan::Source& source);

  ~InputMapping();
  InputMapping(const InputMapping&) = delete;
  InputMapping& operator=(const InputMapping&) = delete;

  /// Throws Error(input), naming the file, when a page of any mapping of this process was missing.
  static void check();

 private:
  struct File {
    std::string path;
    std::string_view content;
  };
  InputMapping() = default;
  bool list_files(const plan::Source& source);
  bool map_files();
  bool map_file(const File& file, char* at) const;
  bool watch();
  std::string damage(std::uintptr_t address) const;

  std::vector<File> files_;
  char* begin_ = nullptr;
  std::size_t size_ = 0;
  std::size_t watched_ = 0;  // its place among the watched areas, plus one; 0: none
};

}  // namespace millrace::exec
