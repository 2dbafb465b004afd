#include "jobs/stream/record_sorting.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include <millrace/internal/order.h>

namespace millrace::jobs::stream {
namespace {

constexpr std::size_t chunk_bytes = 256 * 1024;

using RecordCodec = Codec<Record>;

/// For records that were measured before: their end is known to be inside.
const std::byte* anywhere() {
  return reinterpret_cast<const std::byte*>(std::numeric_limits<std::uintptr_t>::max() / 2);
}

std::string_view key_of(const std::byte* at) { return Codec<std::string_view>::decode(at, anywhere()); }

}  // namespace

KeySorting::KeySorting(const StreamSpec& spec) {
  if (spec.sort_by_fields) fields_.emplace(spec.sort_keys, spec.sort_ordering, spec.key_field_separator, false);
}

internal::RecordOrder KeySorting::order() const {
  internal::RecordOrder order;
  order.compare = &compare;
  order.context = this;
  order.size = [](const std::byte* at, const std::byte* end) {
    const std::byte* const begin = at;
    RecordCodec::skip(at, end);
    return static_cast<std::size_t>(at - begin);
  };
  order.prefix = &prefix;
  return order;
}

int KeySorting::compare(const std::byte* a, const std::byte* b, const void* context) {
  const auto& self = *static_cast<const KeySorting*>(context);
  return self.fields_ ? self.fields_->compare(key_of(a), key_of(b)) : key_of(a).compare(key_of(b));
}

std::uint64_t KeySorting::prefix(const std::byte* at, const std::byte* end, const void* context) {
  const auto& self = *static_cast<const KeySorting*>(context);
  return self.fields_ ? 0 : internal::text_prefix(Codec<std::string_view>::decode(at, end));
}

bool SortedRecordReader::next(Record& record) {
  if (at_ == count_) {
    count_ = sorter_.next(batch_);
    at_ = 0;
    if (count_ == 0) return false;
  }
  const std::byte* at = batch_[at_++];
  record = RecordCodec::decode(at, anywhere());
  return true;
}

/// Encoded records, counted against the task's memory while anybody holds them.
struct RecordCollector::Chunk {
  Chunk(TaskContext& owner, std::size_t size) : task(owner), bytes(size), reserved(owner.try_reserve(size)) {}
  ~Chunk() {
    if (reserved) task.release(bytes.size());
  }
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  TaskContext& task;
  std::vector<std::byte> bytes;
  std::size_t used = 0;
  bool reserved;
};

RecordCollector::RecordCollector(TaskContext& task, const KeySorting& sorting)
    : task_(task), sorter_(task.sorter(sorting.order())) {}

RecordCollector::~RecordCollector() = default;

void RecordCollector::put(std::string_view key, std::string_view rest) {
  const Record record(key, rest);
  const std::size_t size = RecordCodec::size(record);
  if (chunk_ && chunk_->bytes.size() - chunk_->used < size) hand_over();
  if (!chunk_) chunk_ = std::make_shared<Chunk>(task_, std::max(size, chunk_bytes));
  std::byte* const begin = chunk_->bytes.data() + chunk_->used;
  chunk_->used += static_cast<std::size_t>(RecordCodec::encode(record, begin) - begin);
}

void RecordCollector::hand_over() {
  const std::shared_ptr<Chunk> chunk = std::move(chunk_);
  chunk_.reset();
  sorter_->add({chunk, std::span<const std::byte>(chunk->bytes).first(chunk->used)});
}

internal::RecordSorter& RecordCollector::sorted() {
  if (chunk_) hand_over();
  return *sorter_;
}

}  // namespace millrace::jobs::stream
