#pragma once

#include <memory>
#include <vector>

#include <millrace/task.h>

#include "exec/block_store.h"

namespace millrace::exec {

/// Sorts encoded records: an entry of 16 bytes a record (64-bit prefix of the order, place) is sorted, the records stay
/// where they are. References are entries already. When the task's share is used up, what is there is sorted and
/// written out as a run; runs are merged. Equal records keep their order of arrival. One thread; `task` outlives it.
class Sorter : public internal::RecordSorter {
 public:
  Sorter(TaskContext& task, const internal::RecordOrder& order);
  ~Sorter() override;
  void add(Block block) override;

 protected:
  std::size_t take(std::span<const std::byte*> records, bool* begins) override;

 private:
  struct Entry {
    std::uint64_t prefix;
    std::uint64_t place;  // of the record: the block's index above, the offset in the lower 40 bits
  };
  struct Run;

  const std::byte* record(const Entry& entry) const {
    if (order_.references) return reinterpret_cast<const std::byte*>(&entry);
    return bases_[entry.place >> 40] + (entry.place & ((std::uint64_t{1} << 40) - 1));
  }
  /// What the record says: of a reference, the bytes that it refers to.
  const std::byte* content(const Entry& entry) const {
    return order_.references ? reinterpret_cast<const std::byte*>(entry.place >> 16) : record(entry);
  }
  bool before(const Entry& a, const Entry& b) const;
  void add_references(const Block& block);
  bool reserve_entries();
  void sort_entries();
  void sort_range(Entry* begin, Entry* end, Entry* scratch);
  void sort_small(Entry* begin, Entry* end);
  bool order_equals(Entry* begin, Entry* end);
  void order_collisions(std::size_t first);
  void spill();
  void put_record(internal::ShuffleWriter& writer, const std::byte* record) const;
  void start();
  void open_runs(std::size_t first, std::size_t count);
  void merge_first_runs(std::size_t count);
  std::size_t take_of_runs(std::span<const std::byte*> records, bool* begins);
  bool begins_key(const Run& run, const std::byte* before) const;
  bool run_after(const Run& a, const Run& b) const;

  TaskContext& task_;
  const internal::RecordOrder order_;
  std::vector<Block> blocks_;
  std::vector<const std::byte*> bases_;
  internal::Pages entry_pages_;
  Entry* entries_ = nullptr;
  std::size_t count_ = 0;
  std::size_t capacity_ = 0;
  std::vector<std::unique_ptr<internal::ShuffleWriter>> spilled_;
  std::vector<std::unique_ptr<Run>> heap_;
  std::vector<Block> retired_;  // blocks that the last batch may still show
  bool started_ = false;
  std::size_t at_ = 0;
  std::size_t settled_ = 0;      // entries before this one are in order although their prefixes may be equal
  bool are_collisions_ = false;  // those just before it are of several keys
  std::vector<std::byte> last_;  // the last record of the last batch of runs
  std::uint64_t last_prefix_ = 0;
};

}  // namespace millrace::exec
