#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <millrace/error.h>

// What the code of a task may ask of the attempt that runs it. User functions need none of this but input_path(),
// input_offset() and the shared variables (shared.h); the operations of dataset.h are written on it.

namespace millrace {

class InputSplit;

namespace internal {

/// Memory from whole pages, counted against the job's budget until it is destroyed. Not zeroed.
class Pages {
 public:
  Pages() = default;
  Pages(std::byte* data, std::size_t size, void (*release)(void* owner, std::byte* data, std::size_t size), void* owner)
      : data_(data), size_(size), release_(release), owner_(owner) {}
  Pages(Pages&& other) noexcept { swap(other); }
  Pages& operator=(Pages&& other) noexcept {
    Pages moved(std::move(other));
    swap(moved);
    return *this;
  }
  ~Pages() {
    if (data_ != nullptr) release_(owner_, data_, size_);
  }
  void swap(Pages& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(release_, other.release_);
    std::swap(owner_, other.owner_);
  }
  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  void (*release_)(void*, std::byte*, std::size_t) = nullptr;
  void* owner_ = nullptr;
};

/// How many keys an aggregation table has: small ones, and all others.
struct TableKeys {
  std::size_t small = 0;
  std::size_t large = 0;
};

/// Encoded elements that nobody changes any more. Copies share the bytes, which live as long as any copy.
struct Block {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
};

/// Blocks of encoded elements, in order; an element never crosses a block's end.
class BlockStream {
 public:
  virtual ~BlockStream() = default;
  /// Returns false at the end. Throws Error(lost_input) for a block that is gone or fails its checksum.
  virtual bool next(Block& block) = 0;
};

/// One row of a source that has rows.
struct RowFields {
  std::span<const std::string_view> fields;
  std::span<const std::string> names;  ///< of the columns; empty when the source does not name them
};

/// The input of one source partition, as buffers of whole elements.
class BufferInput {
 public:
  virtual ~BufferInput() = default;
  /// The next buffer, valid until the next call. Text: whole lines, the last of a file perhaps without its newline;
  /// records: a multiple of the record size; CSV: one row. At least 64 bytes after the end of text may be read (they
  /// are not input). When a single row is broken, throws Error(bad_data) with `buffer` set to the row's text, and the
  /// next call goes on behind it.
  virtual bool next(std::string_view& buffer) = 0;
  /// CSV: the fields of the row that next() gave, valid as long as it.
  virtual const RowFields* row() const { return nullptr; }
  /// Pieces of files for a reader of the user's: the piece that next() came to.
  virtual InputSplit* split() { return nullptr; }
};

/// One attempt's appends to the partitions of a shuffle (or to the one partition of a result). One thread.
class ShuffleWriter {
 public:
  virtual ~ShuffleWriter() = default;
  ShuffleWriter(const ShuffleWriter&) = delete;
  ShuffleWriter& operator=(const ShuffleWriter&) = delete;

  /// Room for `bytes` more bytes of `partition`; wrote() says how far it was used.
  std::byte* room(std::uint32_t partition, std::size_t bytes) {
    Buffer& buffer = buffers_[partition];
    if (static_cast<std::size_t>(buffer.end - buffer.at) < bytes) [[unlikely]]
      refill(partition, bytes);
    return buffer.at;
  }
  void wrote(std::uint32_t partition, std::byte* end) {
    buffers_[partition].at = end;
    ++records_;
  }
  /// Says how many bytes will be written to each partition from here on, so that buffers can be cut to measure. May be
  /// wrong, or never be called.
  void expect(const std::vector<std::size_t>& bytes) { expected_ = bytes; }
  std::uint32_t partitions() const { return static_cast<std::uint32_t>(buffers_.size()); }
  std::uint64_t records() const { return records_; }
  /// Hands over what is buffered. Called once, after the last wrote().
  virtual void finish() = 0;

 protected:
  struct Buffer {
    std::byte* at = nullptr;
    std::byte* end = nullptr;
    std::byte* begin = nullptr;
  };
  explicit ShuffleWriter(std::uint32_t partitions) : buffers_(partitions) {}
  /// Makes room for at least `bytes` in the partition's buffer, handing over what is in it.
  virtual void refill(std::uint32_t partition, std::size_t bytes) = 0;

  std::vector<Buffer> buffers_;
  std::vector<std::size_t> expected_;  // bytes still to come, by partition; empty when unknown
  std::uint64_t records_ = 0;
};

/// How to compare and measure encoded records, for the sorter.
struct RecordOrder {
  /// Negative, zero or positive; called only for records of equal prefix. Null when equal prefixes mean equal records.
  int (*compare)(const std::byte* a, const std::byte* b, const void* context) = nullptr;
  const void* context = nullptr;
  /// Bytes of the record at `at`.
  std::size_t (*size)(const std::byte* at, const std::byte* end) = nullptr;
  /// The first 64 bits of the order: a < b only if prefix(a) <= prefix(b).
  std::uint64_t (*prefix)(const std::byte* at, const std::byte* end, const void* context) = nullptr;
  /// The prefix is a hash, so that records of equal prefix are equal but for collisions: they are compared only when
  /// they are given out.
  bool hashed = false;
  /// The records are References: the sorter keeps them themselves; their reader fetches what they refer to ahead.
  bool references = false;
};

/// Stands for a line or a record that lies in memory (Session::in_memory): it is sorted and shuffled in its place.
struct Reference {
  std::uint64_t prefix;  ///< of the order
  std::uint64_t place;   ///< the address, times 2^16, plus the size; sizes from `long_size` on are found by the newline

  static constexpr std::uint64_t long_size = 0xffff;

  Reference() = default;
  Reference(std::uint64_t order_prefix, std::string_view content)
      : prefix(order_prefix),
        place(reinterpret_cast<std::uint64_t>(content.data()) << 16 |
              (content.size() < long_size ? content.size() : long_size)) {}
  const char* address() const { return reinterpret_cast<const char*>(place >> 16); }
  std::string_view content() const {
    const std::uint64_t size = place & long_size;
    return {address(), size != long_size ? size : line_size(address())};
  }

 private:
  /// Up to the newline, which is there: behind the files, if need be.
  static std::size_t line_size(const char* line);
};

/// Sorts encoded records stably, in memory while they fit in the task's share and through spilled runs beyond it.
class RecordSorter {
 public:
  virtual ~RecordSorter() = default;
  /// Takes every record of the block; the block is kept until it is spilled or the sorter dies.
  virtual void add(Block block) = 0;
  /// After the last add(): visits all records in order, in batches. `records` point at encoded records and are valid
  /// until the next call. Returns 0 at the end.
  std::size_t next(std::span<const std::byte*> records) { return take(records, nullptr); }
  /// As next(), for a hashed order: begins[i] says whether record i has another key than the one before it.
  std::size_t next_grouped(std::span<const std::byte*> records, bool* begins) { return take(records, begins); }

 protected:
  virtual std::size_t take(std::span<const std::byte*> records, bool* begins) = 0;
};

/// The end to give to Codec::decode for a record that the sorter has measured already.
inline const std::byte* measured() { return reinterpret_cast<const std::byte*>(~std::uintptr_t{0} >> 1); }

/// Where a file output of a task goes before it is committed.
class PartFile {
 public:
  virtual ~PartFile() = default;
  virtual void write(std::string_view bytes) = 0;
  virtual void close() = 0;
};

}  // namespace internal

/// One attempt at one task, from the inside. Belongs to one thread and lives as long as the attempt.
class TaskContext {
 public:
  virtual ~TaskContext() = default;
  TaskContext(const TaskContext&) = delete;
  TaskContext& operator=(const TaskContext&) = delete;

  /// The attempt that the calling thread runs, or null outside of tasks.
  static TaskContext* current() noexcept;

  std::uint32_t partition() const { return partition_; }
  std::uint32_t attempt() const { return attempt_; }
  /// True when the results of this attempt are no longer wanted; long loops ask now and then and return early.
  bool stopped() const { return stop_requested_.load(std::memory_order_relaxed); }
  void stop() { stop_requested_.store(true, std::memory_order_relaxed); }

  /// The file that is being read, empty when the source is none; and the byte of it where the current record begins.
  virtual std::string_view input_path() const = 0;
  virtual std::uint64_t input_offset() const = 0;

  /// Adds to a named counter of the job; counted once whatever is retried.
  virtual void add_to_counter(std::string_view counter, std::int64_t amount) = 0;
  /// A file beside this task's part file, committed with the task. `name` is the file name; the partition is appended.
  virtual std::unique_ptr<internal::PartFile> side_file(std::string_view name) = 0;
  /// What side_output() of mapreduce.h gives.
  virtual internal::PartFile& side_output(std::string_view name) = 0;

  // What the operations of dataset.h use.
  virtual std::span<const std::byte> closure() const = 0;
  virtual std::unique_ptr<internal::BufferInput> open_source(std::uint32_t node, std::uint32_t partition) = 0;
  /// Lets the task go on, behind its own split, with splits of the same source whose tasks have not begun; these will
  /// find nothing to read. Called before the source is opened, where it does not matter which task reads a split.
  virtual void read_more_splits() = 0;
  /// The bytes that describe a source partition to its own operation (ranges of generate, files of read_files).
  virtual std::span<const std::byte> source_split(std::uint32_t node, std::uint32_t partition) = 0;
  virtual std::unique_ptr<internal::BlockStream> open_shuffle(std::uint32_t shuffle, std::uint32_t partition) = 0;
  virtual internal::ShuffleWriter& output() = 0;
  virtual std::unique_ptr<internal::RecordSorter> sorter(const internal::RecordOrder& order) = 0;
  virtual std::unique_ptr<internal::PartFile> part_file() = 0;

  /// Pages of at least `bytes`, or empty Pages when the task's share of the memory is used up.
  virtual internal::Pages try_pages(std::size_t bytes) = 0;
  /// As try_pages(), for what a task cannot do without: throws Error(out_of_memory) only when the budget is exceeded by
  /// far.
  virtual internal::Pages pages(std::size_t bytes) = 0;
  /// How many keys the tables of this stage's tasks had when they were full, as far as is known: a guess for the next.
  virtual internal::TableKeys expected_keys() const = 0;
  virtual void saw_keys(internal::TableKeys keys) = 0;

  /// Counts memory that is allocated elsewhere. Returns false when the share is used up: then spill.
  virtual bool try_reserve(std::size_t bytes) = 0;
  virtual void release(std::size_t bytes) = 0;
  /// Blocks written in order and read back once, beyond memory when need be.
  virtual std::unique_ptr<internal::ShuffleWriter> spill_writer(std::uint32_t partitions) = 0;
  /// How many spilled runs may be read at once without holding more memory than the task's share.
  virtual std::size_t merge_fan_in() const = 0;
  virtual std::unique_ptr<internal::BlockStream> read_spill(internal::ShuffleWriter& writer,
                                                            std::uint32_t partition) = 0;

  /// The cached blocks of a partition, or null when they are not there (any more).
  virtual std::unique_ptr<internal::BlockStream> cached(std::uint32_t node, std::uint32_t partition) = 0;
  /// A writer whose blocks become the cached partition when keep_cached() is called; null when the node is not cached.
  virtual std::unique_ptr<internal::ShuffleWriter> cache_writer(std::uint32_t node, std::uint32_t partition) = 0;
  virtual void keep_cached(std::uint32_t node, std::uint32_t partition,
                           std::unique_ptr<internal::ShuffleWriter> writer) = 0;
  virtual std::span<const std::byte> broadcast(std::uint32_t id) = 0;
  virtual void add_to_accumulator(std::uint32_t id, std::span<const std::byte> value,
                                  void (*merge)(std::vector<std::byte>& into, std::span<const std::byte> value)) = 0;

  /// Records read so far and where the current one begins, for progress and for errors.
  void count_records(std::uint64_t records) { records_in_ += records; }
  void count_output(std::uint64_t records) { records_out_ += records; }
  void at_record(const char* record) { record_ = record; }
  /// Says which operation a user function belongs to that threw; the first one stays.
  void blame(std::uint32_t node) noexcept {
    if (blamed_ == no_node) blamed_ = node;
  }
  /// True when bad records may be skipped; then sources run each record under skip_record().
  bool may_skip() const { return may_skip_; }
  /// True for a record that an earlier try failed on after some of it had been delivered; it is counted as skipped.
  virtual bool is_known_bad(std::string_view record) = 0;
  /// After a record failed with nothing delivered: counts it and keeps it in the side file. Throws the exception that
  /// is being handled when the allowance is used up.
  virtual void skip_record(std::string_view record) = 0;
  /// Elements delivered to the end of the pipeline so far, kept only when may_skip().
  std::uint64_t delivered() const { return delivered_; }
  void deliver() { ++delivered_; }

  static constexpr std::uint32_t no_node = ~std::uint32_t{0};

 protected:
  TaskContext() = default;
  std::uint32_t partition_ = 0;
  std::uint32_t attempt_ = 0;
  std::atomic<bool> stop_requested_ = false;
  bool may_skip_ = false;
  std::uint32_t blamed_ = no_node;
  std::uint64_t records_in_ = 0;
  std::uint64_t records_out_ = 0;
  std::uint64_t delivered_ = 0;
  const char* record_ = nullptr;
};

/// The file that the calling task reads (Hadoop's mapreduce_map_input_file), empty outside of a task or of a file.
std::string_view input_path();

}  // namespace millrace
