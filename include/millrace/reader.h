#pragma once

#include <cstdint>
#include <string_view>

#include <millrace/internal/chain.h>

namespace millrace {

/// One piece of an input file, as a reader of the user's sees it (Context::read_with). Dean and Ghemawat, "MapReduce",
/// OSDI 2004, section 4.4: a new input type is a new implementation of a simple reader interface.
///
/// The reader gives the records whose first byte lies in [begin, end), and all of them: it looks for the first record
/// that begins at begin() or later, and reads past end() to the end of its last one. Then every record is read once,
/// wherever the file is cut. Belongs to one task and its thread.
class InputSplit {
 public:
  virtual ~InputSplit() = default;

  virtual std::string_view path() const = 0;
  virtual std::uint64_t begin() const = 0;
  /// One past the last byte at which a record of this piece may begin. Files that are compressed, and those of a format
  /// that cannot be cut, are one piece from 0 to the largest number: their end is where read() gives less than asked.
  virtual std::uint64_t end() const = 0;

  /// The bytes [offset, offset + bytes) of the (decompressed) file, fewer only where it ends, valid until the next
  /// read(). Small reads are cheap: the file is read in large chunks. A compressed file can only be read forward:
  /// Error(usage) for what lies far behind the last read. Throws Error(input) and Error(bad_data) naming the file.
  virtual std::string_view read(std::uint64_t offset, std::size_t bytes) = 0;

  /// Says which bytes the record has that is emitted next, for failures and for skipped records.
  virtual void at_record(std::uint64_t offset, std::size_t bytes) = 0;
  /// The bytes that at_record() named, as far as they are at hand.
  virtual std::string_view record() const = 0;
};

/// How read_with() may treat its files.
struct ReaderOptions {
  /// Whether files may be cut into several pieces. When not, each file is one piece.
  bool divisible = false;
};

namespace internal {

/// What a function of the user reads out of pieces of files.
template <class F, class T>
struct ReaderSource {
  using element = T;
  std::uint32_t node;
  Function<F> f;

  template <class Sink>
  void run(TaskContext& task, std::uint32_t partition, Sink& sink) {
    auto input = task.open_source(node, partition);
    std::string_view unused;
    const bool skipping = task.may_skip();
    while (!task.stopped() && input->next(unused)) {
      InputSplit& split = *input->split();
      std::uint64_t count = 0;
      auto emit = [&](auto&& x) {
        ++count;
        if (skipping && task.is_known_bad(split.record())) return;
        const std::uint64_t delivered = task.delivered();
        try {
          sink(std::forward<decltype(x)>(x));
        } catch (...) {
          if (!skipping || task.delivered() != delivered) throw;
          task.skip_record(split.record());
        }
      };
      guarded(task, node, f.get(), split, emit);
      task.count_records(count);
    }
  }
  void save(Encoder& out) const {
    out.put(node);
    f.save(out);
  }
  static ReaderSource load(Decoder& in) {
    const auto node = in.get<std::uint32_t>();
    return {node, Function<F>::load(in)};
  }
};

}  // namespace internal
}  // namespace millrace
