#include "exec/kept_output.h"

#include <array>
#include <cstring>
#include <fmt/format.h>

#include <millrace/error.h>

namespace millrace::exec {
namespace {

constexpr std::array<unsigned char, 8> magic = {0x93, 'M', 'L', 'R', 'O', 'U', 'T', '\n'};

/// A partition's blocks: where the list of them is, how many there are, and the checksum of all that.
struct TableEntry {
  std::uint64_t offset = 0, blocks = 0, checksum = 0;
};

struct Trailer {
  std::uint64_t partitions = 0, table = 0, records = 0, bytes = 0, magic_number = 0, checksum = 0;
};

std::uint64_t magic_number() {
  std::uint64_t number = 0;
  std::memcpy(&number, magic.data(), sizeof number);
  return number;
}

std::uint64_t checksum_of(const Trailer& trailer) {
  return storage::block_checksum(std::as_bytes(std::span(&trailer, 1)).first(sizeof trailer - sizeof trailer.checksum));
}

std::uint64_t checksum_of(std::uint64_t partition, const TableEntry& entry, std::span<const std::byte> list) {
  const std::array<std::uint64_t, 3> place = {partition, entry.offset, entry.blocks};
  std::vector<std::byte> all(sizeof place + list.size());
  std::memcpy(all.data(), place.data(), sizeof place);
  if (!list.empty()) std::memcpy(all.data() + sizeof place, list.data(), list.size());
  return storage::block_checksum(all);
}

}  // namespace

std::string KeptOutputs::attempt_path(const AttemptId& attempt) const {
  return fmt::format("{}/attempts/{}-{}-{}", directory_, attempt.stage, attempt.partition, attempt.number);
}

std::string KeptOutputs::map_output_path(ShuffleId shuffle, std::uint32_t map_task) const {
  return fmt::format("{}/outputs/shuffle-{}-{}", directory_, shuffle, map_task);
}

std::string KeptOutputs::result_path(StageId stage, std::uint32_t task) const {
  return fmt::format("{}/outputs/result-{}-{}", directory_, stage, task);
}

void seal_output(storage::SpillFile& file, const Output& output) {
  std::vector<std::byte> end;
  std::vector<TableEntry> table;
  const std::uint64_t begin = file.stored_bytes();
  for (std::size_t partition = 0; partition < output.partitions.size(); ++partition) {
    const auto& blocks = output.partitions[partition];
    TableEntry entry{begin + end.size(), blocks.size(), 0};
    const std::size_t list = end.size();
    for (const StoredBlock& block : blocks) {
      const auto place = std::as_bytes(std::span(&block.place, 1));
      end.insert(end.end(), place.begin(), place.end());
    }
    entry.checksum = checksum_of(partition, entry, std::span(end).subspan(list));
    table.push_back(entry);
  }
  Trailer trailer{table.size(), begin + end.size(), output.records, output.bytes, magic_number(), 0};
  trailer.checksum = checksum_of(trailer);
  const auto entries = std::as_bytes(std::span(table));
  end.insert(end.end(), entries.begin(), entries.end());
  const auto last = std::as_bytes(std::span(&trailer, 1));
  end.insert(end.end(), last.begin(), last.end());
  file.seal(end);
}

KeptOutput::KeptOutput(const storage::FileSystem& files, const std::string& path)
    : file_(storage::SpillFile::reopen(files, path)) {
  Trailer trailer;
  const std::uint64_t size = file_->stored_bytes();
  if (size < sizeof trailer) fail("it is cut off");
  const std::vector<std::byte> bytes = read(size - sizeof trailer, sizeof trailer);
  std::memcpy(&trailer, bytes.data(), sizeof trailer);
  if (trailer.magic_number != magic_number() || trailer.checksum != checksum_of(trailer)) fail("it has no whole end");
  // The table fills what is between its beginning and the trailer.
  const std::uint64_t left = size - sizeof trailer;
  if (trailer.table > left || trailer.partitions != (left - trailer.table) / sizeof(TableEntry) ||
      (left - trailer.table) % sizeof(TableEntry) != 0 || trailer.partitions > ~std::uint32_t{0}) {
    fail("its table does not fit into it");
  }
  partitions_ = static_cast<std::uint32_t>(trailer.partitions);
  table_ = trailer.table;
  records_ = trailer.records;
  bytes_ = trailer.bytes;
}

std::vector<StoredBlock> KeptOutput::blocks(std::uint32_t partition) const {
  if (partition >= partitions_) fail("it does not have the partition");
  TableEntry entry;
  const std::vector<std::byte> bytes = read(table_ + partition * sizeof entry, sizeof entry);
  std::memcpy(&entry, bytes.data(), sizeof entry);
  if (entry.offset > table_ || entry.blocks > (table_ - entry.offset) / sizeof(storage::BlockRef)) {
    fail("the list of a partition's blocks does not fit into it");
  }
  const std::vector<std::byte> list = read(entry.offset, entry.blocks * sizeof(storage::BlockRef));
  if (entry.checksum != checksum_of(partition, entry, list)) fail("the list of a partition's blocks is damaged");
  std::vector<StoredBlock> out(entry.blocks);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].file = file_;
    std::memcpy(&out[i].place, list.data() + i * sizeof(storage::BlockRef), sizeof(storage::BlockRef));
  }
  return out;
}

std::vector<std::byte> KeptOutput::read(std::uint64_t offset, std::uint64_t bytes) const {
  std::vector<std::byte> out(bytes);
  file_->read_stored({offset, bytes, bytes}, out);
  return out;
}

void KeptOutput::fail(const char* problem) const {
  throw Error(Cause::lost_input, fmt::format("the output file {} is damaged: {}", file_->path(), problem));
}

}  // namespace millrace::exec
