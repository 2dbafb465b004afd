#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iostream>
#include <memory>
#include <xxhash.h>

#include "cli/command.h"
#include "cli/command_line.h"
#include "storage/compression.h"
#include "storage/formats/record_file.h"
#include "storage/input_listing.h"
#include "storage/local_file_system.h"

namespace millrace::cli {
namespace {

class Checksum {
 public:
  Checksum() { XXH3_64bits_reset(state_.get()); }
  void add(std::span<const std::byte> bytes) { XXH3_64bits_update(state_.get(), bytes.data(), bytes.size()); }
  std::uint64_t value() const { return XXH3_64bits_digest(state_.get()); }

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> state_{XXH3_createState()};
};

/// What one file holds.
struct Content {
  std::string kind;
  std::uint64_t records = 0;  ///< lines, of a text
  std::uint64_t bytes = 0;    ///< unpacked
  std::uint64_t checksum = 0;
};

/// Reads every block, whose checksums the reader verifies.
Content inspect_records(const storage::FileSystem& files, const storage::FileInfo& info) {
  storage::RecordFileReader reader(files, {info.path, 0, info.size, true});
  Content content{"records of " + reader.info().type_name};
  Checksum checksum;
  for (storage::RecordBlock block; reader.next(block);) {
    content.records += block.records;
    content.bytes += block.bytes.size();
    checksum.add(block.bytes);
  }
  content.checksum = checksum.value();
  return content;
}

/// A line at the end that has no newline counts.
Content inspect_text(const storage::FileSystem& files, const storage::FileInfo& info) {
  const storage::Compression compression = storage::detect_compression(*files.open(info.path));
  Content content{compression == storage::Compression::none ? "plain" : storage::name(compression)};
  Checksum checksum;
  const auto stream = storage::open_stream(files, info.path);
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  std::byte last{'\n'};
  while (const std::size_t size = stream->read(buffer)) {
    const auto bytes = std::span<const std::byte>(buffer).first(size);
    content.records += static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), std::byte{'\n'}));
    content.bytes += size;
    checksum.add(bytes);
    last = bytes.back();
  }
  if (last != std::byte{'\n'}) ++content.records;
  content.checksum = checksum.value();
  return content;
}

}  // namespace

int run_inspect(const Invocation& invocation) {
  CommandLine line(
      "Reads files to their end, verifies the checksums of record files, and prints for each: size, unpacked size,\n"
      "records (lines, where it is no record file), XXH3 checksum of the unpacked content, kind, name");
  std::vector<std::string> inputs;
  line.inputs(inputs);
  if (!line.parse(invocation)) return 0;
  const storage::FileSystem& files = storage::local_file_system();
  const auto listed = storage::list_inputs(files, inputs);
  std::cout << "       bytes     unpacked      records          checksum  kind\tname\n";
  const auto print = [](std::uint64_t size, const Content& content, const std::string& checksum,
                        const std::string& name) {
    std::cout << fmt::format("{:12} {:12} {:12}  {:>16}  {}\t{}\n", size, content.bytes, content.records, checksum,
                             content.kind, name);
  };
  Content total{"total"};
  std::uint64_t total_size = 0;
  for (const storage::FileInfo& info : listed) {
    std::array<std::byte, 64> first{};
    const std::size_t size = files.open(info.path)->read_at(0, first);
    const bool is_record_file = storage::is_record_file(std::span(first).first(size));
    const Content content = is_record_file ? inspect_records(files, info) : inspect_text(files, info);
    print(info.size, content, fmt::format("{:016x}", content.checksum), info.path);
    total.records += content.records;
    total.bytes += content.bytes;
    total_size += info.size;
  }
  if (listed.size() > 1) print(total_size, total, "", fmt::format("{} files", listed.size()));
  return 0;
}

}  // namespace millrace::cli
