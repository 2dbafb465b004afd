// Reverse web-link graph: `source<TAB>target` lines -> the parts of a directory, whose lines are
// `target<TAB>source,source,…`, every target once, in no particular order.
//
// The lines are copied into partitions by the hash of their targets. A partition, which fits the cache, is then
// grouped: a small table counts the bytes that every target needs, which makes the places of all sources in the output
// known before they are copied there.
#include "chunks.h"
#include "lines.h"

namespace {

using namespace reference;

constexpr std::size_t kPartitionBits = 8;
constexpr std::size_t kPartitions = 1 << kPartitionBits;
constexpr std::size_t kChunk = 64 << 10;

// A link in a partition; the bytes of target and source follow, then at least 32 readable ones.
struct Link {
  std::uint64_t hash;
  std::uint32_t target_size;
  std::uint32_t source_size;

  const char* target() const { return reinterpret_cast<const char*>(this + 1); }
  const char* source() const { return target() + target_size; }
  std::size_t size() const { return (sizeof(Link) + target_size + source_size + 7) / 8 * 8; }
  const Link* next() const { return reinterpret_cast<const Link*>(reinterpret_cast<const char*>(this) + size()); }
};

// The links of one partition that one thread found: chunks filled one after the other.
class Links {
 public:
  struct Chunk {
    char* begin;
    char* end;
  };

  void append(std::uint64_t hash, std::string_view target, std::string_view source, ChunkPool& pool) {
    const std::size_t size = sizeof(Link) + target.size() + source.size() + 8;
    if (chunks_.empty() || size + 64 > static_cast<std::size_t>(limit_ - chunks_.back().end)) {
      char* memory = pool.take(std::max(kChunk, size + 64));
      chunks_.push_back({memory, memory});
      limit_ = memory + std::max(kChunk, size + 64);
    }
    auto* link = new (chunks_.back().end)
        Link{hash, static_cast<std::uint32_t>(target.size()), static_cast<std::uint32_t>(source.size())};
    copy(const_cast<char*>(link->target()), target);
    copy(const_cast<char*>(link->source()), source);
    chunks_.back().end += link->size();
  }

  template <typename Function>
  void for_each(Function function) const {
    for (const Chunk& chunk : chunks_) {
      const auto* end = reinterpret_cast<const Link*>(chunk.end);
      for (const auto* link = reinterpret_cast<const Link*>(chunk.begin); link < end; link = link->next())
        function(*link);
    }
  }

 private:
  // Copies 32 bytes at a time, beyond the end where there is room for it.
  static void copy(char* to, std::string_view text) {
    if (text.size() > 32) {
      std::memcpy(to, text.data(), text.size());
    } else {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data())));
    }
  }

  std::vector<Chunk> chunks_;
  char* limit_ = nullptr;
};

void read_links(std::string_view text, std::atomic<std::uint64_t>& next, std::vector<Links>& partitions) {
  ChunkPool pool;
  const char* limit = text.data() + text.size();
  for_each_block(text, next, [&](const char* begin, const char* end) {
    while (begin < end) {
      const std::uint64_t newlines = positions(begin, '\n');
      const std::uint64_t tabs = positions(begin, '\t');
      const char* stop =
          newlines != 0 ? std::min(limit, begin + __builtin_ctzll(newlines)) : find(begin + 64, limit, '\n');
      const char* tab = tabs != 0 ? std::min(stop, begin + __builtin_ctzll(tabs)) : find(begin + 64, stop, '\t');
      if (tab < stop) {
        const std::string_view target(tab + 1, static_cast<std::size_t>(stop - tab - 1));
        const std::uint64_t hash = hash_of(target);
        partitions[hash >> (64 - kPartitionBits)].append(hash, target, {begin, static_cast<std::size_t>(tab - begin)},
                                                         pool);
      }
      begin = stop + 1;
    }
  });
}

// Groups one partition after the other; its memory is used again for the next one.
class Grouper {
 public:
  void group(const std::vector<std::vector<Links>>& threads, std::size_t partition, OutputFile& output) {
    targets_.clear();
    members_.clear();
    slots_.assign(kSlots, 0);
    bits_ = kSlotBits;
    std::size_t output_size = 0;
    for (const std::vector<Links>& partitions : threads) {
      partitions[partition].for_each([&](const Link& link) {
        const std::uint32_t id = find(link);
        targets_[id].size += link.source_size + 1;
        output_size += link.source_size + 1;
        members_.push_back({&link, id});
      });
    }
    for (const Target& target : targets_) output_size += target.link->target_size + 1;
    write(output_size, output);
  }

 private:
  static constexpr unsigned kSlotBits = 13;
  static constexpr std::size_t kSlots = 1 << kSlotBits;

  struct Target {
    const Link* link;
    std::size_t size;
    char* at;
  };
  struct Member {
    const Link* link;
    std::uint32_t target;
  };

  std::size_t home(std::uint64_t hash) const { return hash << kPartitionBits >> (64 - bits_); }

  std::uint32_t find(const Link& link) {
    for (std::size_t i = home(link.hash);; i = (i + 1) & (slots_.size() - 1)) {
      if (slots_[i] == 0) {
        targets_.push_back({&link, 0, nullptr});
        slots_[i] = static_cast<std::uint32_t>(targets_.size());
        const auto id = static_cast<std::uint32_t>(targets_.size() - 1);
        if (targets_.size() * 2 > slots_.size()) grow();
        return id;
      }
      const Link& other = *targets_[slots_[i] - 1].link;
      if (other.hash == link.hash && other.target_size == link.target_size &&
          equal(other.target(), link.target(), link.target_size)) {
        return slots_[i] - 1;
      }
    }
  }

  void grow() {
    slots_.assign(slots_.size() * 2, 0);
    ++bits_;
    for (std::size_t id = 0; id < targets_.size(); ++id) {
      std::size_t i = home(targets_[id].link->hash);
      while (slots_[i] != 0) i = (i + 1) & (slots_.size() - 1);
      slots_[i] = static_cast<std::uint32_t>(id + 1);
    }
  }

  void write(std::size_t size, OutputFile& output) {
    if (size + 64 > room_) {
      room_ = size * 2 + 64;
      block_ = allocate<char>(room_);
    }
    char* at = block_;
    for (Target& target : targets_) {
      std::memcpy(at, target.link->target(), target.link->target_size);
      at += target.link->target_size;
      *at++ = '\t';
      target.at = at;
      at += target.size;
    }
    for (const Member& member : members_) {
      char*& to = targets_[member.target].at;
      std::memcpy(to, member.link->source(), member.link->source_size);
      to += member.link->source_size;
      *to++ = ',';
    }
    // The comma after the last source is where the line ends.
    for (const Target& target : targets_) target.at[-1] = '\n';
    output.write(block_, size);
  }

  std::vector<Target> targets_;
  std::vector<Member> members_;
  std::vector<std::uint32_t> slots_;
  unsigned bits_ = kSlotBits;
  char* block_ = nullptr;
  std::size_t room_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, 1, "INPUT");
  const InputFile input(arguments.operands[0]);
  const std::string_view text = input.map();
  std::vector<std::vector<Links>> threads(arguments.threads, std::vector<Links>(kPartitions));
  std::atomic<std::uint64_t> next{0};
  parallel(arguments.threads, [&](unsigned t) { read_links(text, next, threads[t]); });
  std::atomic<std::size_t> partition{0};
  parallel(arguments.threads, [&](unsigned t) {
    OutputFile output(part_path(arguments.output, t));
    Grouper grouper;
    for (std::size_t i; (i = partition++) < kPartitions;) grouper.group(threads, i, output);
  });
  finish();
}
