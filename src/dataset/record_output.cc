#include <fmt/format.h>

#include <millrace/dataset.h>

#include "storage/formats/record_file.h"

namespace millrace::internal {
namespace {

/// The part file of a task, as a record file's writer sees it.
class PartOutputFile final : public storage::OutputFile {
 public:
  explicit PartOutputFile(TaskContext& task)
      : path_(fmt::format("the record file of partition {}", task.partition())), file_(task.part_file()) {}
  void write(std::span<const std::byte> bytes) override {
    file_->write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    size_ += bytes.size();
  }
  void close() override { file_->close(); }
  std::uint64_t size() const override { return size_; }
  const std::string& path() const override { return path_; }

 private:
  std::string path_;
  std::unique_ptr<PartFile> file_;
  std::uint64_t size_ = 0;
};

/// Gathers elements to blocks of at most RecordFileWriter::block_bytes, or of one element that is longer: the blocks
/// depend on the elements alone.
class RecordBlocks final : public ShuffleWriter {
 public:
  RecordBlocks(TaskContext& task, const std::string& element_type)
      : ShuffleWriter(1), task_(task), file_(std::make_unique<PartOutputFile>(task), element_type) {}

  void finish() override {
    write_block();
    file_.close();
  }

 protected:
  void refill(std::uint32_t, std::size_t bytes) override {
    write_block();
    const std::size_t size = std::max(bytes, storage::RecordFileWriter::block_bytes);
    Buffer& buffer = buffers_.front();
    if (pages_.size() < size) {
      pages_ = {};
      pages_ = task_.pages(size);
    }
    buffer.begin = buffer.at = pages_.data();
    buffer.end = buffer.begin + size;
  }

 private:
  void write_block() {
    Buffer& buffer = buffers_.front();
    file_.add_block({buffer.begin, buffer.at}, static_cast<std::uint32_t>(records_ - written_));
    written_ = records_;
    buffer.at = buffer.begin;
  }

  TaskContext& task_;
  storage::RecordFileWriter file_;
  Pages pages_;
  std::uint64_t written_ = 0;
};

}  // namespace

std::unique_ptr<ShuffleWriter> record_writer(TaskContext& task, const std::string& element_type) {
  return std::make_unique<RecordBlocks>(task, element_type);
}

}  // namespace millrace::internal
