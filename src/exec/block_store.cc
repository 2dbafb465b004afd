#include "exec/block_store.h"

#include <algorithm>
#include <cstring>

#include "exec/kept_output.h"

namespace millrace::exec {
namespace {

constexpr std::size_t first_buffer = 4096;
constexpr std::size_t most_buffer = std::size_t{256} << 10;
constexpr std::size_t all_buffers = std::size_t{8} << 20;  // what the open buffers of one writer may take together
constexpr std::size_t small_slab = std::size_t{64} << 10;
constexpr std::size_t large_slab = std::size_t{2} << 20;

/// Pages that count as storage.
struct OwnedPages {
  OwnedPages(Memory& memory, std::size_t bytes)
      : memory_(memory), size(Memory::rounded_size(bytes)), data(memory.take(size)) {}
  ~OwnedPages() {
    memory_.give_back(data, size);
    memory_.release_storage(size);
  }
  OwnedPages(const OwnedPages&) = delete;
  OwnedPages& operator=(const OwnedPages&) = delete;

 private:
  Memory& memory_;

 public:
  const std::size_t size;
  std::byte* const data;
};

/// A writer's slabs after its first. Many of them fit in what blocks may take, so that a small budget is not full of
/// the unused ends of a few.
std::size_t next_slab(const Memory& memory) {
  return std::clamp<std::size_t>(memory.storage_limit() / 16, small_slab, large_slab);
}

}  // namespace

BlockStore::BlockStore(Memory& memory, storage::FileSystem& files, std::string directory, Carrier carrier)
    : memory_(memory), files_(files), directory_(std::move(directory)), carrier_(carrier) {}

std::shared_ptr<storage::SpillFile> BlockStore::take_file() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto file = std::move(idle_.back());
      idle_.pop_back();
      // Blocks that nobody needs any more free their space only with the whole file: start another now and then.
      constexpr std::uint64_t large = std::uint64_t{256} << 20;
      if (file->stored_bytes() < large) return file;
    }
  }
  return std::make_shared<storage::SpillFile>(files_, directory_, "blocks");
}

void BlockStore::give_back(std::shared_ptr<storage::SpillFile> file) {
  if (file->is_broken()) return;
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(file));
}

/// Memory that several buffers are cut from; lives as long as any block in it.
struct BlockWriter::Slab {
  Slab(Memory& memory, std::size_t bytes) : pages(memory, bytes) {}
  OwnedPages pages;
  std::size_t used = 0;
};

BlockWriter::BlockWriter(BlockStore& store, std::uint32_t partitions, Placement placement)
    : ShuffleWriter(partitions),
      store_(store),
      placement_(placement == Placement::memory_then_files && store.always_files() ? Placement::files_only : placement),
      largest_buffer_(std::clamp(all_buffers / std::max(partitions, 1u), first_buffer, most_buffer)),
      owners_(partitions),
      private_(partitions),
      sizes_(partitions, 0) {
  output_.partitions.resize(partitions);
}

BlockWriter::BlockWriter(BlockStore& store, std::uint32_t partitions, std::string path)
    : ShuffleWriter(partitions),
      store_(store),
      placement_(Placement::files_only),
      kept_path_(std::move(path)),
      largest_buffer_(std::clamp(all_buffers / std::max(partitions, 1u), first_buffer, most_buffer)),
      owners_(partitions),
      private_(partitions),
      sizes_(partitions, 0),
      file_(storage::SpillFile::keep(store.files(), kept_path_)) {
  output_.partitions.resize(partitions);
}

BlockWriter::~BlockWriter() {
  if (file_ != nullptr && kept_path_.empty()) store_.give_back(std::move(file_));
}

void BlockWriter::refill(std::uint32_t partition, std::size_t bytes) {
  hand_over(partition);
  Buffer& buffer = buffers_[partition];
  if (placement_ != Placement::files_only && !no_room_) {
    if (carve(buffer, std::max(buffer_size(partition), bytes))) {
      owners_[partition] = slab_;
      return;
    }
    no_room_ = true;
    if (placement_ == Placement::memory_only) output_.partitions.assign(output_.partitions.size(), {});
  }
  // Of full size from the first: what goes to files lies in the list of blocks until it is read, and is better long.
  const std::size_t size = std::max(largest_buffer_, bytes);
  private_[partition] = std::make_unique_for_overwrite<std::byte[]>(size);
  buffer.begin = buffer.at = private_[partition].get();
  buffer.end = buffer.begin + size;
}

std::size_t BlockWriter::buffer_size(std::uint32_t partition) {
  if (!expected_.empty() && expected_[partition] != 0) {
    const std::size_t size = std::min(expected_[partition], largest_buffer_);
    expected_[partition] -= size;
    return size;
  }
  std::size_t& size = sizes_[partition];
  size = size == 0 ? first_buffer : std::min(size * 4, largest_buffer_);
  return size;
}

bool BlockWriter::carve(Buffer& buffer, std::size_t bytes) {
  // Every block begins on a cache line, and so aligned for any element.
  const std::size_t aligned = (bytes + 63) / 64 * 64;
  if (slab_ == nullptr || slab_->used + aligned > slab_->pages.size) {
    const std::size_t wanted = slab_ == nullptr ? small_slab : next_slab(store_.memory());
    const std::size_t size = Memory::rounded_size(std::max(aligned, wanted));
    if (!store_.memory().try_reserve_storage(size)) return false;
    slab_ = std::make_shared<Slab>(store_.memory(), size);
  }
  buffer.begin = buffer.at = slab_->pages.data + slab_->used;
  buffer.end = buffer.begin + bytes;
  slab_->used += aligned;
  return true;
}

void BlockWriter::hand_over(std::uint32_t partition) {
  Buffer& buffer = buffers_[partition];
  const std::span<const std::byte> bytes(buffer.begin, buffer.at);
  if (bytes.empty()) return;
  output_.bytes += bytes.size();
  if (private_[partition] != nullptr) {
    if (placement_ != Placement::memory_only) to_file(partition, bytes);
    private_[partition].reset();
  } else if (!(placement_ == Placement::memory_only && no_room_)) {
    // The unused end of the last buffer of the slab can be cut again.
    if (owners_[partition] == slab_ && buffer.end <= slab_->pages.data + slab_->used) {
      const auto end = static_cast<std::size_t>(buffer.end - slab_->pages.data);
      if ((end + 63) / 64 * 64 == slab_->used) {
        slab_->used = (static_cast<std::size_t>(buffer.at - slab_->pages.data) + 63) / 64 * 64;
      }
    }
    output_.partitions[partition].push_back({{owners_[partition], bytes}, nullptr, {}});
  }
  owners_[partition].reset();
  buffer = {};
}

void BlockWriter::to_file(std::uint32_t partition, std::span<const std::byte> bytes) {
  if (file_ == nullptr) file_ = store_.take_file();
  output_.partitions[partition].push_back({{}, file_, file_->append(bytes)});
  output_.spilled_bytes += bytes.size();
}

void BlockWriter::finish() {
  for (std::uint32_t i = 0; i < partitions(); ++i) hand_over(i);
  output_.records = records();
  if (!kept_path_.empty()) {
    seal_output(*file_, output_);
    output_.partitions.assign(output_.partitions.size(), {});
    output_.spilled_bytes = 0;  // it is written anyway, not for want of memory
    file_ = nullptr;
    return;
  }
  count_lists();
  slab_.reset();
  if (file_ != nullptr) store_.give_back(std::move(file_));
  file_ = nullptr;
}

// Lists that were filled one by one have half as much room again as they need.
void BlockWriter::count_lists() {
  constexpr std::size_t of_an_allocation = 16;
  std::uint64_t bytes = 0;
  for (auto& blocks : output_.partitions) {
    blocks.shrink_to_fit();
    bytes += sizeof blocks + of_an_allocation + blocks.capacity() * sizeof(StoredBlock);
  }
  output_.list_bytes = std::make_shared<const ListBytes>(store_.memory(), bytes);
}

std::optional<Output> BlockWriter::take() {
  if (placement_ == Placement::memory_only && no_room_) return std::nullopt;
  return std::move(output_);
}

StoredBlockStream::StoredBlockStream(std::function<internal::Pages(std::size_t)> take_pages,
                                     std::vector<StoredBlock> blocks, std::uint64_t* bytes_read)
    : take_pages_(std::move(take_pages)), blocks_(std::move(blocks)), bytes_read_(bytes_read) {}

bool StoredBlockStream::next(Block& block) {
  if (at_ == blocks_.size()) return false;
  StoredBlock& stored = blocks_[at_++];
  *bytes_read_ += stored.bytes();
  if (stored.file == nullptr) {
    block = std::move(stored.memory);
    return true;
  }
  auto pages = std::make_shared<internal::Pages>(take_pages_(stored.place.raw_bytes));
  const std::span<std::byte> into(pages->data(), stored.place.raw_bytes);
  stored.file->read(stored.place, into);
  block = Block{std::move(pages), into};
  stored.file.reset();
  return true;
}

}  // namespace millrace::exec
