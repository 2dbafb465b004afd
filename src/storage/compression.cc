#include "storage/compression.h"

#include <array>
#include <fmt/format.h>
#include <utility>
#include <vector>
#include <zlib.h>
#include <zstd.h>

#include <millrace/error.h>

namespace millrace::storage {
namespace {

constexpr std::size_t window_bytes = std::size_t{128} << 10;

[[noreturn]] void fail(const std::string& path, Compression compression, std::uint64_t byte, const char* problem) {
  throw Error(Cause::bad_data, fmt::format("cannot decompress {}: {} at byte {} of the {} stream", path, problem, byte,
                                           name(compression)));
}

/// The compressed bytes, a window at a time.
class Window {
 public:
  explicit Window(std::unique_ptr<InputFile> file) : stream_(std::move(file)), bytes_(window_bytes) {}

  std::span<const std::byte> unused() const { return std::span(bytes_).subspan(begin_, end_ - begin_); }
  void use(std::size_t count) { begin_ += count; }
  /// Makes unused() not empty; returns false at the end of the file.
  bool refill() {
    if (begin_ < end_) return true;
    begin_ = 0;
    end_ = stream_.read(bytes_);
    return end_ > 0;
  }
  std::uint64_t position() const { return stream_.consumed() - (end_ - begin_); }
  const std::string& path() const { return stream_.path(); }

 private:
  FileStream stream_;
  std::vector<std::byte> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

class GzipStream final : public ByteStream {
 public:
  explicit GzipStream(std::unique_ptr<InputFile> file) : window_(std::move(file)) {
    // 15 bits of window, and 16 for the gzip frame with its checksum.
    if (::inflateInit2(&state_, 15 + 16) != Z_OK) throw Error(Cause::out_of_memory, "no memory to read " + path());
  }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;
  ~GzipStream() override { ::inflateEnd(&state_); }

  std::size_t read(std::span<std::byte> into) override {
    std::size_t done = 0;
    while (done < into.size()) {
      if (!window_.refill()) {
        if (in_member_ && done == 0) fail(path(), Compression::gzip, window_.position(), "the file ends too early");
        break;
      }
      if (!in_member_ && !start_member()) continue;
      done += inflate_some(into.subspan(done));
    }
    return done;
  }

  std::uint64_t consumed() const override { return window_.position(); }
  const std::string& path() const override { return window_.path(); }

 private:
  /// Returns false when what follows is padding, which it skips.
  bool start_member() {
    if (window_.position() > 0 && window_.unused().front() == std::byte{0}) {
      padding_ = true;
      window_.use(1);
      return false;
    }
    if (padding_) fail(path(), Compression::gzip, window_.position(), "bytes after the padding");
    ::inflateReset(&state_);
    in_member_ = true;
    return true;
  }

  std::size_t inflate_some(std::span<std::byte> into) {
    const std::span<const std::byte> input = window_.unused();
    const std::size_t room = std::min(into.size(), std::size_t{1} << 30);
    state_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));
    state_.avail_in = static_cast<uInt>(input.size());
    state_.next_out = reinterpret_cast<Bytef*>(into.data());
    state_.avail_out = static_cast<uInt>(room);
    const int result = ::inflate(&state_, Z_NO_FLUSH);
    window_.use(input.size() - state_.avail_in);
    if (result == Z_STREAM_END) {
      in_member_ = false;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      fail(path(), Compression::gzip, window_.position(), state_.msg != nullptr ? state_.msg : "broken data");
    }
    return room - state_.avail_out;
  }

  Window window_;
  z_stream state_{};
  bool in_member_ = false;
  bool padding_ = false;
};

struct FreeDecompressor {
  void operator()(ZSTD_DStream* state) const { ::ZSTD_freeDStream(state); }
};

class ZstdStream final : public ByteStream {
 public:
  explicit ZstdStream(std::unique_ptr<InputFile> file) : window_(std::move(file)), state_(::ZSTD_createDStream()) {
    if (state_ == nullptr) throw Error(Cause::out_of_memory, "no memory to read " + path());
  }

  std::size_t read(std::span<std::byte> into) override {
    ZSTD_outBuffer output{into.data(), into.size(), 0};
    while (output.pos < output.size) {
      const bool more = window_.refill();
      if (!more && !in_frame_) break;
      const std::size_t before = output.pos;
      const std::span<const std::byte> unused = window_.unused();
      ZSTD_inBuffer input{unused.data(), unused.size(), 0};
      const std::size_t result = ::ZSTD_decompressStream(state_.get(), &output, &input);
      window_.use(input.pos);
      if (::ZSTD_isError(result)) {
        fail(path(), Compression::zstd, window_.position(), ::ZSTD_getErrorName(result));
      }
      in_frame_ = result != 0;
      // Without input it can only hand out what it holds back.
      if (!more && in_frame_ && output.pos == before) {
        if (output.pos > 0) break;
        fail(path(), Compression::zstd, window_.position(), "the file ends too early");
      }
    }
    return output.pos;
  }

  std::uint64_t consumed() const override { return window_.position(); }
  const std::string& path() const override { return window_.path(); }

 private:
  Window window_;
  std::unique_ptr<ZSTD_DStream, FreeDecompressor> state_;
  bool in_frame_ = false;
};

class GzipFile final : public OutputFile {
 public:
  GzipFile(std::unique_ptr<OutputFile> file, int level) : file_(std::move(file)), buffer_(window_bytes) {
    if (::deflateInit2(&state_, level == 0 ? Z_DEFAULT_COMPRESSION : level, Z_DEFLATED, 15 + 16, 8,
                       Z_DEFAULT_STRATEGY) != Z_OK) {
      throw Error(Cause::out_of_memory, "cannot compress " + path() + ": no memory, or no such level");
    }
  }
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;
  ~GzipFile() override { ::deflateEnd(&state_); }

  void write(std::span<const std::byte> bytes) override {
    if (closed_) throw Error(Cause::internal, "write to " + path() + " after it was closed");
    while (!bytes.empty()) {
      const std::span<const std::byte> part = bytes.first(std::min(bytes.size(), std::size_t{1} << 30));
      state_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(part.data()));
      state_.avail_in = static_cast<uInt>(part.size());
      deflate(Z_NO_FLUSH);
      size_ += part.size();
      bytes = bytes.subspan(part.size());
    }
  }

  void close() override {
    if (std::exchange(closed_, true)) return;
    deflate(Z_FINISH);
    file_->close();
  }

  std::uint64_t size() const override { return size_; }
  const std::string& path() const override { return file_->path(); }

 private:
  void deflate(int flush) {
    do {
      state_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
      state_.avail_out = static_cast<uInt>(buffer_.size());
      ::deflate(&state_, flush);
      const std::size_t made = buffer_.size() - state_.avail_out;
      if (made > 0) file_->write(std::span(buffer_).first(made));
    } while (state_.avail_out == 0);
  }

  std::unique_ptr<OutputFile> file_;
  std::vector<std::byte> buffer_;
  z_stream state_{};
  std::uint64_t size_ = 0;
  bool closed_ = false;
};

struct FreeCompressor {
  void operator()(ZSTD_CCtx* state) const { ::ZSTD_freeCCtx(state); }
};

class ZstdFile final : public OutputFile {
 public:
  ZstdFile(std::unique_ptr<OutputFile> file, int level)
      : file_(std::move(file)), buffer_(window_bytes), state_(::ZSTD_createCCtx()) {
    if (state_ == nullptr) throw Error(Cause::out_of_memory, "no memory to write " + path());
    ::ZSTD_CCtx_setParameter(state_.get(), ZSTD_c_compressionLevel, level == 0 ? ZSTD_CLEVEL_DEFAULT : level);
    ::ZSTD_CCtx_setParameter(state_.get(), ZSTD_c_checksumFlag, 1);
  }

  void write(std::span<const std::byte> bytes) override {
    if (closed_) throw Error(Cause::internal, "write to " + path() + " after it was closed");
    compress_all(bytes, ZSTD_e_continue);
    size_ += bytes.size();
  }

  void close() override {
    if (std::exchange(closed_, true)) return;
    compress_all({}, ZSTD_e_end);
    file_->close();
  }

  std::uint64_t size() const override { return size_; }
  const std::string& path() const override { return file_->path(); }

 private:
  void compress_all(std::span<const std::byte> bytes, ZSTD_EndDirective directive) {
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    std::size_t left = 0;
    do {
      ZSTD_outBuffer output{buffer_.data(), buffer_.size(), 0};
      left = ::ZSTD_compressStream2(state_.get(), &output, &input, directive);
      if (::ZSTD_isError(left)) {
        throw Error(Cause::internal, fmt::format("cannot compress {}: {}", path(), ::ZSTD_getErrorName(left)));
      }
      if (output.pos > 0) file_->write(std::span(buffer_).first(output.pos));
    } while (input.pos < input.size || (directive == ZSTD_e_end && left > 0));
  }

  std::unique_ptr<OutputFile> file_;
  std::vector<std::byte> buffer_;
  std::unique_ptr<ZSTD_CCtx, FreeCompressor> state_;
  std::uint64_t size_ = 0;
  bool closed_ = false;
};

}  // namespace

const char* name(Compression compression) {
  switch (compression) {
    case Compression::none:
      return "none";
    case Compression::gzip:
      return "gzip";
    case Compression::zstd:
      return "zstd";
  }
  return "unknown";
}

Compression detect_compression(std::span<const std::byte> first_bytes) {
  if (first_bytes.size() >= 2 && first_bytes[0] == std::byte{0x1f} && first_bytes[1] == std::byte{0x8b}) {
    return Compression::gzip;
  }
  if (first_bytes.size() < 4) return Compression::none;
  std::uint32_t magic = 0;
  for (int i = 3; i >= 0; --i) magic = magic << 8 | std::to_integer<std::uint32_t>(first_bytes[i]);
  const bool skippable = (magic & ~std::uint32_t{15}) == ZSTD_MAGIC_SKIPPABLE_START;
  return magic == ZSTD_MAGICNUMBER || skippable ? Compression::zstd : Compression::none;
}

Compression detect_compression(const InputFile& file) {
  std::array<std::byte, 4> first_bytes;
  return detect_compression(std::span(first_bytes).first(file.read_at(0, first_bytes)));
}

std::unique_ptr<ByteStream> open_stream(const FileSystem& files, const std::string& path) {
  return open_stream(files.open(path));
}

std::unique_ptr<ByteStream> open_stream(std::unique_ptr<InputFile> file) {
  switch (detect_compression(*file)) {
    case Compression::gzip:
      return std::make_unique<GzipStream>(std::move(file));
    case Compression::zstd:
      return std::make_unique<ZstdStream>(std::move(file));
    case Compression::none:
      break;
  }
  return std::make_unique<FileStream>(std::move(file));
}

std::unique_ptr<OutputFile> compress(std::unique_ptr<OutputFile> file, Compression compression, int level) {
  switch (compression) {
    case Compression::gzip:
      return std::make_unique<GzipFile>(std::move(file), level);
    case Compression::zstd:
      return std::make_unique<ZstdFile>(std::move(file), level);
    case Compression::none:
      break;
  }
  return file;
}

}  // namespace millrace::storage
