#include <array>

#include <millrace/error.h>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/element_printer.h"
#include "cli/standard_output.h"
#include "storage/compression.h"
#include "storage/formats/record_file.h"
#include "storage/input_listing.h"
#include "storage/local_file_system.h"

namespace millrace::cli {
namespace {

void print_records(const storage::FileSystem& files, const storage::FileInfo& info) {
  storage::RecordFileReader reader(files, {info.path, 0, info.size, true});
  const ElementPrinter printer(reader.info().type_name);
  std::string text;
  for (storage::RecordBlock block; reader.next(block);) {
    text.clear();
    for (auto bytes = block.bytes; !bytes.empty();) {
      printer.print(bytes, text);
      text += '\n';
    }
    print(text);
  }
}

void copy_content(const storage::FileSystem& files, const std::string& path) {
  const auto stream = storage::open_stream(files, path);
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  while (const std::size_t size = stream->read(buffer)) print({reinterpret_cast<const char*>(buffer.data()), size});
}

}  // namespace

int run_cat(const Invocation& invocation) {
  CommandLine line(
      "Prints outputs and record files as text: a directory's part files in order, compressed files unpacked,\n"
      "an element of a record file as a line");
  std::vector<std::string> inputs;
  line.inputs(inputs);
  if (!line.parse(invocation)) return 0;
  const storage::FileSystem& files = storage::local_file_system();
  for (const storage::FileInfo& info : storage::list_inputs(files, inputs)) {
    std::array<std::byte, 64> first{};
    const std::size_t size = files.open(info.path)->read_at(0, first);
    if (storage::is_record_file(std::span(first).first(size))) {
      print_records(files, info);
    } else {
      copy_content(files, info.path);
    }
  }
  return 0;
}

}  // namespace millrace::cli
