#include "exec/pieces_input.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

#include "storage/byte_stream.h"
#include "storage/compression.h"

namespace millrace::exec {
namespace {
constexpr std::size_t chunk_bytes = std::size_t{256} << 10;
}

/// A window over one file: where read() asked last, and what a chunk holds after it.
class PiecesInput::Piece final : public InputSplit {
 public:
  Piece(const storage::FileSystem& files, const plan::FileRange& range, const std::function<void(std::size_t)>& grown)
      : path_(range.path), begin_(range.begin), end_(range.end), grown_(grown), file_(files.open(range.path)) {
    if (!range.whole || storage::detect_compression(*file_) == storage::Compression::none) return;
    end_ = std::numeric_limits<std::uint64_t>::max();
    stream_ = storage::open_stream(std::move(file_));
  }

  std::string_view path() const override { return path_; }
  std::uint64_t begin() const override { return begin_; }
  std::uint64_t end() const override { return end_; }

  std::string_view read(std::uint64_t offset, std::size_t bytes) override {
    if (offset < window_ || offset - window_ > filled_ || filled_ - (offset - window_) < bytes) load(offset, bytes);
    const std::uint64_t before = std::min<std::uint64_t>(offset - window_, filled_);
    return std::string_view(buffer_.data() + before, filled_ - before).substr(0, bytes);
  }
  void at_record(std::uint64_t offset, std::size_t bytes) override {
    record_offset_ = offset;
    record_bytes_ = bytes;
  }
  std::string_view record() const override {
    if (record_offset_ < window_ || record_offset_ - window_ > filled_) return {};
    return std::string_view(buffer_.data(), filled_).substr(record_offset_ - window_, record_bytes_);
  }
  std::uint64_t record_offset() const { return record_offset_; }
  std::uint64_t consumed() const { return stream_ != nullptr ? stream_->consumed() : reached_ - begin_; }

 private:
  void load(std::uint64_t offset, std::size_t bytes) {
    if (stream_ != nullptr) return load_forward(offset, bytes);
    reserve(std::max(bytes, chunk_bytes));
    window_ = offset;
    filled_ = 0;
    while (filled_ < bytes) {
      const std::size_t count =
          file_->read_at(offset + filled_, std::as_writable_bytes(std::span(buffer_)).subspan(filled_));
      if (count == 0) break;
      filled_ += count;
    }
    reached_ = std::max(reached_, std::min<std::uint64_t>(offset + filled_, end_));
  }

  void load_forward(std::uint64_t offset, std::size_t bytes) {
    if (offset < window_) {
      throw Error(
          Cause::usage,
          fmt::format("a reader of {} goes back to byte {}, but a compressed file is read forward", path_, offset));
    }
    drop(std::min<std::uint64_t>(offset - window_, filled_));
    while (window_ < offset && fill(chunk_bytes)) drop(std::min<std::uint64_t>(offset - window_, filled_));
    while (filled_ < bytes && fill(std::max(bytes, chunk_bytes))) {
    }
  }
  void drop(std::uint64_t bytes) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(bytes),
              buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
    filled_ -= bytes;
    window_ += bytes;
  }
  bool fill(std::size_t capacity) {
    reserve(capacity);
    const std::size_t count = stream_->read(std::as_writable_bytes(std::span(buffer_)).subspan(filled_));
    filled_ += count;
    return count != 0;
  }
  void reserve(std::size_t bytes) {
    if (bytes <= buffer_.size()) return;
    if (grown_) grown_(bytes - buffer_.size());
    buffer_.resize(bytes);
  }

  std::string path_;
  std::uint64_t begin_;
  std::uint64_t end_;
  const std::function<void(std::size_t)>& grown_;
  std::unique_ptr<storage::InputFile> file_;     // of a plain file
  std::unique_ptr<storage::ByteStream> stream_;  // of a compressed one
  std::vector<char> buffer_;                     // its first filled_ bytes are those of the file from window_ on
  std::uint64_t window_ = 0;
  std::size_t filled_ = 0;
  std::uint64_t reached_ = begin_;
  std::uint64_t record_offset_ = begin_;
  std::size_t record_bytes_ = 0;
};

PiecesInput::PiecesInput(const storage::FileSystem& files, const plan::Split& split,
                         std::function<void(std::size_t)> grown)
    : files_(files), split_(split), grown_(std::move(grown)) {}

PiecesInput::~PiecesInput() = default;

bool PiecesInput::next(std::string_view& buffer) {
  buffer = {};
  consumed_before_ = consumed();
  piece_ = nullptr;
  if (at_ == split_.ranges.size()) return false;
  piece_ = std::make_unique<Piece>(files_, split_.ranges[at_], grown_);
  ++at_;
  return true;
}

InputSplit* PiecesInput::split() { return piece_.get(); }

std::string_view PiecesInput::path() const { return piece_ != nullptr ? piece_->path() : std::string_view{}; }
std::uint64_t PiecesInput::offset() const { return piece_ != nullptr ? piece_->record_offset() : 0; }
std::uint64_t PiecesInput::consumed() const { return consumed_before_ + (piece_ != nullptr ? piece_->consumed() : 0); }

}  // namespace millrace::exec
