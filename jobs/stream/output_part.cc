#include "jobs/stream/output_part.h"

#include <algorithm>
#include <array>
#include <utility>
#include <zlib.h>

#include <millrace/error.h>

namespace millrace::jobs::stream {
namespace {
constexpr std::size_t buffer_bytes = 256 * 1024;
}

/// A part file, compressed when asked for.
class OutputPart::File {
 public:
  File(std::unique_ptr<internal::PartFile> file, bool compress) : file_(std::move(file)), compress_(compress) {
    constexpr int gzip_window = 15 + 16;  // the largest window, with a gzip header
    if (compress_ &&
        deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw Error(Cause::internal, "zlib cannot start to compress");
    }
  }
  ~File() {
    if (compress_) deflateEnd(&stream_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(std::string_view bytes) {
    if (compress_) {
      deflate_all(bytes, Z_NO_FLUSH);
    } else {
      file_->write(bytes);
    }
  }
  void close() {
    if (compress_) deflate_all({}, Z_FINISH);
    file_->close();
  }

 private:
  void deflate_all(std::string_view bytes, int flush) {
    std::array<Bytef, 65536> out;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = out.data();
      stream_.avail_out = out.size();
      ::deflate(&stream_, flush);
      file_->write({reinterpret_cast<const char*>(out.data()), out.size() - stream_.avail_out});
    } while (stream_.avail_out == 0);
  }

  std::unique_ptr<internal::PartFile> file_;
  bool compress_;
  z_stream stream_{};
};

OutputPart::OutputPart(TaskContext& task, const StreamSpec& spec, const KeyLayout& layout)
    : task_(task),
      spec_(spec),
      layout_(layout),
      verbatim_(spec.keep_bare_keys && layout.separator == spec.output_separator) {
  if (!spec.lazy_output) open();
}

OutputPart::~OutputPart() = default;

void OutputPart::open() { file_ = std::make_unique<File>(task_.part_file(), spec_.compress_output); }

void OutputPart::write(std::string_view bytes) {
  if (bytes.empty()) return;
  if (!verbatim_) return lines_.add(bytes, [this](std::string_view text) { line(text); });
  records_ += static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  unfinished_line_ = bytes.back() != '\n';
  append(bytes);
}

void OutputPart::end() {
  lines_.end([this](std::string_view text) { line(text); });
  if (!std::exchange(unfinished_line_, false)) return;
  ++records_;
  append("\n");
}

void OutputPart::line(std::string_view text) {
  const KeyValue parts = split_line(text, layout_);
  put(parts.key, parts.value, parts.bare);
}

void OutputPart::put(std::string_view key, std::string_view value, bool bare) {
  append(key);
  if (!bare || !spec_.keep_bare_keys) append(spec_.output_separator);
  append(value);
  append("\n");
  ++records_;
}

void OutputPart::append(std::string_view bytes) {
  if (bytes.size() >= buffer_bytes && buffer_.empty()) {
    if (!file_) open();
    file_->write(bytes);
    return;
  }
  buffer_ += bytes;
  if (buffer_.size() >= buffer_bytes) flush();
}

void OutputPart::flush() {
  if (buffer_.empty()) return;
  if (!file_) open();
  file_->write(buffer_);
  buffer_.clear();
}

void OutputPart::close() {
  flush();
  if (file_) file_->close();
  task_.count_output(records_);
}

}  // namespace millrace::jobs::stream
