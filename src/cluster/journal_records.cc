#include "cluster/journal_records.h"

#include <array>
#include <cstring>

#include <millrace/error.h>

#include "storage/spill_file.h"

namespace millrace::cluster::journal {
namespace {

// The last two bytes are the version.
constexpr std::array<unsigned char, 8> header = {0x93, 'M', 'L', 'R', 'J', 'N', 1, 0};

constexpr std::size_t length_bytes = sizeof(std::uint32_t);
constexpr std::size_t head_bytes = length_bytes + 1;
constexpr std::size_t checksum_bytes = sizeof(std::uint64_t);

// The place is a part of it: a record does not pass for one elsewhere.
std::uint64_t checksum(std::uint64_t offset, std::span<const std::byte> record) {
  return storage::block_checksum(record) ^ (offset * 0x9e3779b97f4a7c15ull);
}

}  // namespace

std::span<const std::byte> file_header() { return std::as_bytes(std::span(header)); }

void append_record(std::vector<std::byte>& out, std::uint64_t offset, std::uint8_t kind,
                   std::span<const std::byte> payload) {
  const std::size_t begin = out.size();
  const auto length = static_cast<std::uint32_t>(payload.size());
  if (length != payload.size()) throw Error(Cause::usage, "a record of more than 4 GiB is too long for the journal");
  out.resize(begin + head_bytes + payload.size() + checksum_bytes);
  std::byte* const at = out.data() + begin;
  std::memcpy(at, &length, length_bytes);
  at[length_bytes] = static_cast<std::byte>(kind);
  if (!payload.empty()) std::memcpy(at + head_bytes, payload.data(), payload.size());
  const std::uint64_t sum = checksum(offset, std::span(at, head_bytes + payload.size()));
  std::memcpy(at + head_bytes + payload.size(), &sum, checksum_bytes);
}

Reader::Reader(std::span<const std::byte> file) : file_(file) {
  if (file.size() < header.size() || std::memcmp(file.data(), header.data(), header.size()) != 0) {
    throw Error(Cause::bad_data, "it does not begin as a journal of this version of Millrace does");
  }
  at_ = header.size();
}

bool Reader::next(std::uint8_t& kind, std::span<const std::byte>& payload) {
  const std::span<const std::byte> rest = file_.subspan(at_);
  if (rest.size() < head_bytes + checksum_bytes) return false;
  std::uint32_t length = 0;
  std::memcpy(&length, rest.data(), length_bytes);
  if (length > rest.size() - head_bytes - checksum_bytes) return false;
  std::uint64_t sum = 0;
  std::memcpy(&sum, rest.data() + head_bytes + length, checksum_bytes);
  if (sum != checksum(at_, rest.first(head_bytes + length))) return false;
  kind = static_cast<std::uint8_t>(rest[length_bytes]);
  payload = rest.subspan(head_bytes, length);
  at_ += head_bytes + length + checksum_bytes;
  return true;
}

}  // namespace millrace::cluster::journal
