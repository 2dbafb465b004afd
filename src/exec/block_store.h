#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <millrace/task.h>

#include "exec/memory.h"
#include "storage/spill_file.h"

// Blocks of encoded elements that outlive the code that wrote them: shuffle outputs, cached partitions, results,
// spills.

namespace millrace::exec {

/// How blocks are handed over. The task code cannot tell which.
enum class Carrier : std::uint8_t {
  memory,  ///< in memory while the budget allows, else in files
  files,   ///< always in files, as between machines
};

using internal::Block;

/// A block wherever it lies. Copies share it.
struct StoredBlock {
  Block memory;                              ///< when in memory
  std::shared_ptr<storage::SpillFile> file;  ///< when in a file
  storage::BlockRef place;
  std::uint64_t bytes() const { return file != nullptr ? place.raw_bytes : memory.bytes.size(); }
};

/// What the lists of an Output's blocks take of the budget: with many partitions, more than its blocks in memory.
class ListBytes {
 public:
  ListBytes(Memory& memory, std::uint64_t bytes) : memory_(memory), bytes_(bytes) { memory_.reserve_lists(bytes_); }
  ~ListBytes() { memory_.release_lists(bytes_); }
  ListBytes(const ListBytes&) = delete;
  ListBytes& operator=(const ListBytes&) = delete;

 private:
  Memory& memory_;
  const std::uint64_t bytes_;
};

/// What one attempt wrote, by partition, in order.
struct Output {
  std::vector<std::vector<StoredBlock>> partitions;
  std::shared_ptr<const ListBytes> list_bytes;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;          ///< encoded
  std::uint64_t spilled_bytes = 0;  ///< of these, in files
};

/// Keeps blocks, in memory or in files. One a process. Thread-safe.
class BlockStore {
 public:
  /// `directory` exists and is where files go. `memory` and `files` outlive the store and every block in it.
  BlockStore(Memory& memory, storage::FileSystem& files, std::string directory, Carrier carrier);

  Memory& memory() { return memory_; }
  storage::FileSystem& files() { return files_; }

  /// A file to append to until it is given back; a file serves one writer after the other.
  std::shared_ptr<storage::SpillFile> take_file();
  void give_back(std::shared_ptr<storage::SpillFile> file);
  bool always_files() const { return carrier_ == Carrier::files; }

 private:
  Memory& memory_;
  storage::FileSystem& files_;
  const std::string directory_;
  const Carrier carrier_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<storage::SpillFile>> idle_;
};

/// Where the blocks of a writer may lie.
enum class Placement : std::uint8_t { memory_then_files, memory_only, files_only };

/// The appends of one attempt. One thread; lives no longer than its store.
class BlockWriter : public internal::ShuffleWriter {
 public:
  BlockWriter(BlockStore& store, std::uint32_t partitions, Placement placement);
  /// All blocks go to an output file at `path`, which finish() seals (kept_output.h). take() then tells of sizes alone.
  BlockWriter(BlockStore& store, std::uint32_t partitions, std::string path);
  ~BlockWriter() override;

  void finish() override;
  /// After finish(). For memory_only: empty when the memory did not suffice, and then nothing is kept.
  std::optional<Output> take();
  /// The blocks so far, of a writer that is finished.
  const Output& output() const { return output_; }

 protected:
  void refill(std::uint32_t partition, std::size_t bytes) override;

 private:
  struct Slab;
  void hand_over(std::uint32_t partition);
  std::size_t buffer_size(std::uint32_t partition);
  bool carve(Buffer& buffer, std::size_t bytes);
  void to_file(std::uint32_t partition, std::span<const std::byte> bytes);
  void count_lists();

  BlockStore& store_;
  const Placement placement_;
  const std::string kept_path_;  // empty: the blocks go with the process
  const std::size_t largest_buffer_;
  std::shared_ptr<Slab> slab_;
  std::vector<std::shared_ptr<Slab>> owners_;          // of the buffers, by partition
  std::vector<std::unique_ptr<std::byte[]>> private_;  // buffers of partitions that go to files
  std::vector<std::size_t> sizes_;                     // of the last buffer, by partition
  std::shared_ptr<storage::SpillFile> file_;
  Output output_;
  bool no_room_ = false;
};

/// Streams blocks in order, reading those that lie in files into memory of their own.
class StoredBlockStream : public internal::BlockStream {
 public:
  /// Memory for the blocks that lie in files comes from `take_pages`. Adds what it reads to *bytes_read.
  StoredBlockStream(std::function<internal::Pages(std::size_t)> take_pages, std::vector<StoredBlock> blocks,
                    std::uint64_t* bytes_read);
  bool next(internal::Block& block) override;

 private:
  std::function<internal::Pages(std::size_t)> take_pages_;
  std::vector<StoredBlock> blocks_;
  std::uint64_t* bytes_read_;
  std::size_t at_ = 0;
};

}  // namespace millrace::exec
