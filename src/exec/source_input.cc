#include "exec/source_input.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <sys/mman.h>

#include "exec/pieces_input.h"
#include "storage/compression.h"
#include "storage/formats/csv.h"
#include "storage/formats/record_file.h"
#include "storage/record_reader.h"
#include "storage/text_reader.h"

namespace millrace::exec {
namespace {

storage::FileSplit to_split(const plan::FileRange& range) { return {range.path, range.begin, range.end, range.whole}; }

/// One file range after the other, through a reader of the format.
template <class Reader>
class RangesInput : public SourceInput {
 public:
  RangesInput(const storage::FileSystem& files, const plan::Split& split) : files_(files), split_(split) {}

  bool next(std::string_view& buffer) override {
    for (;;) {
      if (reader_ == nullptr) {
        if (at_ == split_.ranges.size()) return false;
        path_ = split_.ranges[at_].path;
        reader_ = open(to_split(split_.ranges[at_]));
        ++at_;
      }
      if (read(*reader_, buffer, offset_)) return true;
      consumed_before_ += reader_->consumed();
      reader_ = nullptr;
    }
  }
  std::string_view path() const override { return path_; }
  std::uint64_t offset() const override { return offset_; }
  std::uint64_t consumed() const override { return consumed_before_ + (reader_ != nullptr ? reader_->consumed() : 0); }

 protected:
  virtual std::unique_ptr<Reader> open(const storage::FileSplit& split) = 0;
  virtual bool read(Reader& reader, std::string_view& buffer, std::uint64_t& offset) = 0;
  const storage::FileSystem& files_;

 private:
  const plan::Split& split_;
  std::size_t at_ = 0;
  std::unique_ptr<Reader> reader_;
  std::string path_;
  std::uint64_t offset_ = 0;
  std::uint64_t consumed_before_ = 0;
};

class TextInput final : public RangesInput<storage::TextReader> {
 public:
  TextInput(const storage::FileSystem& files, const plan::Split& split, std::function<void(std::size_t)> grown)
      : RangesInput(files, split), grown_(std::move(grown)) {}

 protected:
  std::unique_ptr<storage::TextReader> open(const storage::FileSplit& split) override {
    storage::TextReaderOptions options;
    options.on_growth = grown_;
    return std::make_unique<storage::TextReader>(files_, split, options);
  }
  bool read(storage::TextReader& reader, std::string_view& buffer, std::uint64_t& offset) override {
    return reader.next(buffer, offset);
  }

 private:
  std::function<void(std::size_t)> grown_;
};

class RecordInput final : public RangesInput<storage::RecordReader> {
 public:
  RecordInput(const storage::FileSystem& files, const plan::Split& split, std::uint64_t record_bytes)
      : RangesInput(files, split), record_bytes_(record_bytes) {}

 protected:
  std::unique_ptr<storage::RecordReader> open(const storage::FileSplit& split) override {
    return std::make_unique<storage::RecordReader>(files_, split, record_bytes_);
  }
  bool read(storage::RecordReader& reader, std::string_view& buffer, std::uint64_t& offset) override {
    std::span<const std::byte> records;
    if (!reader.next(records, offset)) return false;
    buffer = {reinterpret_cast<const char*>(records.data()), records.size()};
    return true;
  }

 private:
  std::uint64_t record_bytes_;
};

/// The lines or records of files that lie in memory, a piece at a time: the buffers are the mapping itself.
class MappedInput final : public SourceInput {
 public:
  MappedInput(const plan::Split& split, std::uint64_t record_bytes) : split_(split), record_bytes_(record_bytes) {}

  bool next(std::string_view& buffer) override {
    while (at_ == end_) {
      if (next_range_ == split_.ranges.size()) return false;
      open(split_.ranges[next_range_++]);
    }
    constexpr std::uint64_t usual = std::uint64_t{1} << 20;
    const std::uint64_t stop = element_begin(std::min(at_ + usual, end_));
    fetch(stop);
    buffer = file_.substr(at_, stop - at_);
    offset_ = at_;
    consumed_ += stop - at_;
    at_ = stop;
    return true;
  }
  std::string_view path() const override { return path_; }
  std::uint64_t offset() const override { return offset_; }
  std::uint64_t consumed() const override { return consumed_; }

 private:
  void open(const plan::FileRange& range) {
    path_ = range.path;
    file_ = range.mapped;
    at_ = element_begin(range.begin);
    end_ = element_begin(range.whole ? file_.size() : range.end);
  }
  /// Where the first element begins that does not begin before `byte`.
  std::uint64_t element_begin(std::uint64_t byte) const {
    if (byte >= file_.size()) return file_.size();
    if (record_bytes_ != 0) return (byte + record_bytes_ - 1) / record_bytes_ * record_bytes_;
    if (byte == 0) return 0;
    const std::size_t newline = file_.find('\n', byte - 1);
    return newline == file_.npos ? file_.size() : newline + 1;
  }
  /// Has the pages put in place many at a time: one by one they cost several times as much. No harm if that fails.
  void fetch(std::uint64_t stop) const {
    constexpr std::uint64_t page = 4096;
    const std::uint64_t begin = at_ / page * page;
    madvise(const_cast<char*>(file_.data()) + begin, stop - begin, MADV_POPULATE_READ);
  }

  const plan::Split& split_;
  const std::uint64_t record_bytes_;  // 0: lines
  std::size_t next_range_ = 0;
  std::string path_;
  std::string_view file_;
  std::uint64_t at_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t consumed_ = 0;
};

/// Each file as one buffer.
class WholeFiles final : public SourceInput {
 public:
  WholeFiles(const storage::FileSystem& files, const plan::Split& split, std::function<void(std::size_t)> grown)
      : files_(files), split_(split), grown_(std::move(grown)) {}
  bool next(std::string_view& buffer) override {
    if (at_ == split_.ranges.size()) return false;
    const plan::FileRange& range = split_.ranges[at_++];
    path_ = range.path;
    auto stream = storage::open_stream(files_, range.path);
    content_.clear();
    std::size_t used = 0;
    for (;;) {
      const std::size_t wanted = std::max<std::size_t>(used + 65536, range.end + 1);
      if (wanted > content_.size()) {
        grown_(wanted - content_.size());
        content_.resize(wanted);
      }
      const std::size_t got = storage::read_fully(*stream, std::as_writable_bytes(std::span(content_)).subspan(used));
      used += got;
      if (used < content_.size()) break;
    }
    consumed_ += stream->consumed();
    buffer = std::string_view(content_.data(), used);
    return true;
  }
  std::string_view path() const override { return path_; }
  std::uint64_t offset() const override { return 0; }
  std::uint64_t consumed() const override { return consumed_; }

 private:
  const storage::FileSystem& files_;
  const plan::Split& split_;
  std::function<void(std::size_t)> grown_;
  std::size_t at_ = 0;
  std::string path_;
  std::string content_;
  std::uint64_t consumed_ = 0;
};

/// The blocks of record files that hold elements of one type.
class EncodedInput final : public RangesInput<storage::RecordFileReader> {
 public:
  EncodedInput(const storage::FileSystem& files, const plan::Split& split, const std::string& element_type,
               std::function<void(std::size_t)> grown)
      : RangesInput(files, split), element_type_(element_type), grown_(std::move(grown)) {}

 protected:
  std::unique_ptr<storage::RecordFileReader> open(const storage::FileSplit& split) override {
    auto reader = std::make_unique<storage::RecordFileReader>(files_, split);
    const std::string& found = reader->info().type_name;
    if (found != element_type_) {
      throw Error(Cause::bad_data, fmt::format("{} holds elements of type {}, but the job reads elements of type {}",
                                               split.path, found, element_type_));
    }
    const std::uint64_t wanted = reader->buffer_bytes();
    if (wanted > reserved_) grown_(wanted - reserved_);
    reserved_ = std::max(reserved_, wanted);
    return reader;
  }
  bool read(storage::RecordFileReader& reader, std::string_view& buffer, std::uint64_t& offset) override {
    storage::RecordBlock block;
    if (!reader.next(block)) return false;
    buffer = {reinterpret_cast<const char*>(block.bytes.data()), block.bytes.size()};
    offset = block.offset;
    return true;
  }

 private:
  const std::string& element_type_;
  std::function<void(std::size_t)> grown_;
  std::uint64_t reserved_ = 0;
};

/// The rows of CSV files, one a buffer.
class CsvInput final : public RangesInput<storage::CsvReader> {
 public:
  CsvInput(const storage::FileSystem& files, const plan::Split& split, const plan::Source& source,
           std::function<void(std::size_t)> grown)
      : RangesInput(files, split) {
    options_.delimiter = source.separator;
    options_.quote = source.quote;
    options_.header = source.header;
    options_.quoted_newlines = source.quoted_newlines;
    reading_.on_growth = std::move(grown);
  }
  const internal::RowFields* row() const override { return &fields_; }

 protected:
  std::unique_ptr<storage::CsvReader> open(const storage::FileSplit& split) override {
    auto reader = std::make_unique<storage::CsvReader>(files_, split, options_, reading_);
    if (options_.header && split.path != named_path_) {
      names_ = split.begin == 0 ? reader->header() : storage::read_csv_header(files_, split.path, options_);
      named_path_ = split.path;
    }
    return reader;
  }
  bool read(storage::CsvReader& reader, std::string_view& buffer, std::uint64_t& offset) override {
    try {
      if (!reader.next(row_)) return false;
    } catch (const Error&) {
      buffer = reader.row_text();
      offset = reader.row_offset();
      throw;
    }
    buffer = reader.row_text();
    offset = reader.row_offset();
    fields_ = {row_.fields, names_};
    return true;
  }

 private:
  storage::CsvOptions options_;
  storage::TextReaderOptions reading_;
  storage::CsvRow row_;
  std::string named_path_;
  std::vector<std::string> names_;
  internal::RowFields fields_;
};

/// Bytes that the plan carries.
class Values final : public SourceInput {
 public:
  explicit Values(const plan::Split& split) : split_(split) {}
  bool next(std::string_view& buffer) override {
    if (given_ || split_.payload.empty()) return false;
    given_ = true;
    buffer = {reinterpret_cast<const char*>(split_.payload.data()), split_.payload.size()};
    return true;
  }
  std::string_view path() const override { return {}; }
  std::uint64_t offset() const override { return 0; }
  std::uint64_t consumed() const override { return given_ ? split_.payload.size() : 0; }

 private:
  const plan::Split& split_;
  bool given_ = false;
};

}  // namespace

std::unique_ptr<SourceInput> open_source(const storage::FileSystem& files, const plan::Source& source,
                                         const plan::Split& split, std::function<void(std::size_t)> grown) {
  // A source is mapped as a whole or not at all.
  if (!split.ranges.empty() && split.ranges.front().mapped.data() != nullptr) {
    return std::make_unique<MappedInput>(split, source.record_bytes);
  }
  // What is read there would be referred to beyond its buffer.
  if (source.area.address != 0) throw Error(Cause::internal, "a mapped source is not attached");
  switch (source.kind) {
    case plan::SourceKind::text:
      return std::make_unique<TextInput>(files, split, std::move(grown));
    case plan::SourceKind::records:
      return std::make_unique<RecordInput>(files, split, source.record_bytes);
    case plan::SourceKind::whole_files:
      return std::make_unique<WholeFiles>(files, split, std::move(grown));
    case plan::SourceKind::values:
      return std::make_unique<Values>(split);
    case plan::SourceKind::encoded:
      return std::make_unique<EncodedInput>(files, split, source.element_type, std::move(grown));
    case plan::SourceKind::csv:
      return std::make_unique<CsvInput>(files, split, source, std::move(grown));
    case plan::SourceKind::pieces:
      return std::make_unique<PiecesInput>(files, split, std::move(grown));
    case plan::SourceKind::range:
      break;
  }
  throw Error(Cause::internal, fmt::format("a source of kind {} has no buffers", static_cast<int>(source.kind)));
}

}  // namespace millrace::exec
