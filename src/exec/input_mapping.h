#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plan/job.h"

namespace millrace::exec {

/// The files of a source in this process's memory, to be read where they lie. One file behind the other at rising
/// addresses, in the order of the splits; behind each is a newline that is not in the file, and room to read 64 bytes
/// more. Any thread may read it; it is unmapped with the object.
///
/// A file that is cut while it is mapped reads as zeros from there on; without that, the system would end the process.
/// Then check() throws, so whoever has read a mapping calls that before anything is made of what was read.
class InputMapping : public std::enable_shared_from_this<InputMapping> {
 public:
  /// Who is to find the files at their addresses: other processes, too, where the source travels with its area.
  enum class For : bool { this_process, machine };

  /// Maps what the splits of a text or record source read, and points their ranges at it. Null, with the splits left as
  /// they are, where that cannot be done: files that are compressed, or that a reader has to complain about.
  static std::shared_ptr<const InputMapping> map(plan::Source& source, For whom = For::this_process);

  /// An area that another process made, in this one, too; what is mapped there is given again. Throws Error(input) when
  /// a file is not what it was there, or when something else lies at the address.
  static std::shared_ptr<const InputMapping> at(const plan::MappedArea& area);

  /// All areas that a stage takes for granted in memory, as at() gives them; they stay there while they are held.
  static std::vector<std::shared_ptr<const InputMapping>> of(const plan::Stage& stage);

  /// As of(), and points the ranges of the stage's sources at them: of a stage that came from another process.
  static std::vector<std::shared_ptr<const InputMapping>> attach(plan::Stage& stage);

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
  bool map_files(For whom);
  bool map_files_at(std::uint64_t address);
  bool reserve(std::uint64_t address);
  std::size_t size_of_files() const;
  void point(plan::Source& source) const;
  bool map_file(const File& file, char* at) const;
  bool watch();
  std::string damage(std::uintptr_t address) const;

  std::vector<File> files_;
  char* begin_ = nullptr;
  std::size_t size_ = 0;
  std::size_t watched_ = 0;  // its place among the watched areas, plus one; 0: none
};

}  // namespace millrace::exec
