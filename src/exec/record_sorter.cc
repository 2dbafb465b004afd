#include "exec/record_sorter.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace millrace::exec {

/// One sorted run while it is merged.
struct Sorter::Run {
  std::unique_ptr<internal::BlockStream> blocks;
  Block block;
  const std::byte* at = nullptr;
  const std::byte* end = nullptr;
  std::uint64_t prefix = 0;
  std::size_t index = 0;  // runs are in order of arrival

  // Goes to the record at `at`, through the next block when need be.
  bool settle(const internal::RecordOrder& order, std::vector<Block>& retired) {
    while (at == end) {
      if (block.owner != nullptr) retired.push_back(std::move(block));
      block = {};
      if (!blocks->next(block)) return false;
      at = block.bytes.data();
      end = at + block.bytes.size();
    }
    prefix = order.prefix(at, end, order.context);
    return true;
  }
};

Sorter::Sorter(TaskContext& task, const internal::RecordOrder& order) : task_(task), order_(order) {}
Sorter::~Sorter() = default;

// Only for entries of equal prefix.
bool Sorter::before(const Entry& a, const Entry& b) const {
  const int order = order_.compare(record(a), record(b), order_.context);
  return order != 0 ? order < 0 : a.place < b.place;
}

bool Sorter::reserve_entries() {
  const std::size_t wanted = std::max<std::size_t>(capacity_ * 2, 4096);
  // Twice: sorting needs as much again to scatter into.
  internal::Pages pages =
      capacity_ == 0 ? task_.pages(wanted * 2 * sizeof(Entry)) : task_.try_pages(wanted * 2 * sizeof(Entry));
  if (!pages) return false;
  if (count_ != 0) std::memcpy(pages.data(), entries_, count_ * sizeof(Entry));
  entry_pages_ = std::move(pages);
  entries_ = reinterpret_cast<Entry*>(entry_pages_.data());
  capacity_ = wanted;
  return true;
}

// Their addresses rise in the order of the input, so they are places, too.
void Sorter::add_references(const Block& block) {
  static_assert(sizeof(Entry) == sizeof(internal::Reference));
  std::span<const std::byte> bytes = block.bytes;
  while (!bytes.empty()) {
    if (count_ == capacity_ && !reserve_entries()) spill();
    const std::size_t room = (capacity_ - count_) * sizeof(Entry);
    const std::span<const std::byte> taken = bytes.first(std::min(room, bytes.size()));
    std::memcpy(static_cast<void*>(entries_ + count_), taken.data(), taken.size());
    count_ += taken.size() / sizeof(Entry);
    bytes = bytes.subspan(taken.size());
  }
}

void Sorter::add(Block block) {
  if (order_.references) return add_references(block);
  const std::byte* at = block.bytes.data();
  const std::byte* const end = at + block.bytes.size();
  const std::byte* const base = at;
  std::uint64_t number = blocks_.size();
  blocks_.push_back(block);
  bases_.push_back(base);
  while (at != end) {
    if (count_ == capacity_ && !reserve_entries()) {
      spill();  // this block too, as far as it has come; it is taken up again as the first of the next run
      blocks_.push_back(block);
      bases_.push_back(base);
      number = 0;
    }
    entries_[count_++] = {order_.prefix(at, end, order_.context), number << 40 | static_cast<std::uint64_t>(at - base)};
    at += order_.size(at, end);
  }
  // Blocks that were read from files count against the share as well.
  if (task_.try_reserve(0)) return;
  if (count_ != 0) spill();
}

void Sorter::sort_entries() {
  if (count_ > 1) sort_range(entries_, entries_ + count_, entries_ + capacity_);
}

// One pass by the highest bits in which the entries differ, then each bucket by itself: large ones the same way, small
// ones by comparison.
void Sorter::sort_range(Entry* begin, Entry* end, Entry* scratch) {
  const auto count = static_cast<std::size_t>(end - begin);
  std::uint64_t differing = 0;
  if (count > 48) {
    for (const Entry* entry = begin + 1; entry != end; ++entry) differing |= entry->prefix ^ begin->prefix;
  }
  if (differing == 0) return sort_small(begin, end);
  constexpr unsigned most_bits = 11;
  const unsigned top = 64 - static_cast<unsigned>(std::countl_zero(differing));
  const unsigned bits = std::min({most_bits, top, static_cast<unsigned>(std::bit_width(count))});
  const unsigned shift = top - bits;
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  std::uint32_t ends[1u << most_bits];
  std::fill_n(ends, mask + 1, 0);
  for (const Entry* entry = begin; entry != end; ++entry) ++ends[(entry->prefix >> shift) & mask];
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i <= mask; ++i) sum += std::exchange(ends[i], sum);
  for (const Entry* entry = begin; entry != end; ++entry) scratch[ends[(entry->prefix >> shift) & mask]++] = *entry;
  std::memcpy(static_cast<void*>(begin), scratch, count * sizeof(Entry));
  std::uint32_t start = 0;
  for (std::size_t i = 0; i <= mask; ++i) {
    const std::uint32_t stop = ends[i];
    if (stop - start > 1) sort_range(begin + start, begin + stop, scratch + start);
    start = stop;
  }
}

// By prefix and place, which are plain numbers; then what has equal prefixes by itself.
void Sorter::sort_small(Entry* begin, Entry* end) {
  std::sort(begin, end, [](const Entry& a, const Entry& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : a.place < b.place;
  });
  if (order_.compare == nullptr || order_.hashed) return;
  while (begin != end) {
    Entry* stop = begin + 1;
    while (stop != end && stop->prefix == begin->prefix) ++stop;
    order_equals(begin, stop);
    begin = stop;
  }
}

// Entries of equal prefix. Most are equal records (values of one key), which one comparison each shows, or else they
// are few. Returns whether all were equal.
bool Sorter::order_equals(Entry* begin, Entry* end) {
  constexpr std::ptrdiff_t ahead = 16;
  bool are_equal = true;
  for (const Entry* entry = begin + 1; entry < end; ++entry) {
    if (end - entry > ahead) __builtin_prefetch(content(entry[ahead]));
    const int order = order_.compare(record(entry[-1]), record(*entry), order_.context);
    are_equal = are_equal && order == 0;
    if (order <= 0) continue;
    std::sort(begin, end, [this](const Entry& a, const Entry& b) { return before(a, b); });
    return false;
  }
  return are_equal;
}

// Puts the entries whose prefix is that of the first into order.
void Sorter::order_collisions(std::size_t first) {
  settled_ = first + 1;
  while (settled_ != count_ && entries_[settled_].prefix == entries_[first].prefix) ++settled_;
  are_collisions_ = settled_ - first > 1 && !order_equals(entries_ + first, entries_ + settled_);
}

void Sorter::spill() {
  sort_entries();
  auto writer = task_.spill_writer(1);
  settled_ = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    if (order_.hashed && i >= settled_) order_collisions(i);
    put_record(*writer, record(entries_[i]));
  }
  writer->finish();
  spilled_.push_back(std::move(writer));
  blocks_.clear();
  bases_.clear();
  count_ = 0;
}

bool Sorter::run_after(const Run& a, const Run& b) const {
  if (a.prefix != b.prefix) return a.prefix > b.prefix;
  if (order_.compare != nullptr) {
    const int order = order_.compare(a.at, b.at, order_.context);
    if (order != 0) return order > 0;
  }
  return a.index > b.index;
}

void Sorter::start() {
  started_ = true;
  if (spilled_.empty()) return sort_entries();
  if (count_ != 0) spill();
  entry_pages_ = {};
  // Each open run holds a block, so only so many are merged at once. Neighbours, so that equal records keep their
  // order.
  const std::size_t fan_in = task_.merge_fan_in();
  while (spilled_.size() > fan_in) merge_first_runs(fan_in);
  open_runs(0, spilled_.size());
}

void Sorter::open_runs(std::size_t first, std::size_t count) {
  for (std::size_t i = first; i < first + count; ++i) {
    auto run = std::make_unique<Run>();
    run->blocks = task_.read_spill(*spilled_[i], 0);
    run->index = i;
    if (run->settle(order_, retired_)) heap_.push_back(std::move(run));
  }
  std::make_heap(heap_.begin(), heap_.end(), [this](const auto& a, const auto& b) { return run_after(*a, *b); });
}

// Makes one run of the first `count`, which takes their place.
void Sorter::merge_first_runs(std::size_t count) {
  open_runs(0, count);
  auto writer = task_.spill_writer(1);
  const std::byte* batch[256];
  for (std::size_t given = take_of_runs(batch, nullptr); given != 0; given = take_of_runs(batch, nullptr)) {
    for (std::size_t i = 0; i < given; ++i) put_record(*writer, batch[i]);
  }
  retired_.clear();
  writer->finish();
  spilled_.erase(spilled_.begin(), spilled_.begin() + static_cast<std::ptrdiff_t>(count));
  spilled_.insert(spilled_.begin(), std::move(writer));
}

void Sorter::put_record(internal::ShuffleWriter& writer, const std::byte* record) const {
  const std::size_t size = order_.size(record, internal::measured());
  std::byte* out = writer.room(0, size);
  std::memcpy(out, record, size);
  writer.wrote(0, out + size);
}

std::size_t Sorter::take(std::span<const std::byte*> records, bool* begins) {
  if (!started_) start();
  if (!spilled_.empty()) return take_of_runs(records, begins);
  const std::size_t given = std::min(records.size(), count_ - at_);
  constexpr std::size_t ahead = 32;
  constexpr std::size_t line = 64;
  for (std::size_t i = 0; i < given; ++i) {
    const bool is_other_hash = order_.hashed && at_ + i >= settled_;
    if (is_other_hash) order_collisions(at_ + i);
    records[i] = record(entries_[at_ + i]);
    if (begins != nullptr) {
      begins[i] = is_other_hash ||
                  (are_collisions_ && order_.compare(record(entries_[at_ + i - 1]), records[i], order_.context) != 0);
    }
    if (order_.references || at_ + i + ahead >= count_) continue;
    const std::byte* const later = record(entries_[at_ + i + ahead]);
    // (Not in a function of their own, which would count as one without effect.)
    __builtin_prefetch(later);
    __builtin_prefetch(later + line);
  }
  at_ += given;
  return given;
}

bool Sorter::begins_key(const Run& run, const std::byte* before) const {
  return before == nullptr || run.prefix != last_prefix_ || order_.compare(before, run.at, order_.context) != 0;
}

std::size_t Sorter::take_of_runs(std::span<const std::byte*> records, bool* begins) {
  retired_.clear();
  const auto after = [this](const auto& a, const auto& b) { return run_after(*a, *b); };
  const std::byte* before = last_.empty() ? nullptr : last_.data();
  std::size_t given = 0;
  while (given < records.size() && !heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), after);
    Run& run = *heap_.back();
    if (begins != nullptr) begins[given] = begins_key(run, before);
    last_prefix_ = run.prefix;
    before = records[given++] = run.at;
    run.at += order_.size(run.at, run.end);
    if (run.settle(order_, retired_)) {
      std::push_heap(heap_.begin(), heap_.end(), after);
    } else {
      heap_.pop_back();
    }
  }
  if (begins != nullptr && given != 0) last_.assign(before, before + order_.size(before, internal::measured()));
  return given;
}

}  // namespace millrace::exec

namespace millrace::internal {

std::size_t Reference::line_size(const char* line) {
  return static_cast<std::size_t>(static_cast<const char*>(rawmemchr(line, '\n')) - line);
}

}  // namespace millrace::internal
