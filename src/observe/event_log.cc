#include "observe/event_log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

#include <millrace/error.h>

#include "observe/event_encoder.h"

namespace millrace::observe {
namespace {

constexpr std::size_t read_block = 256 << 10;

const std::size_t first_action = Logged::Value(sched::LaunchTask{}).index();
const std::size_t last_action = Logged::Value(sched::JobFailed{}).index();

// What only moves a display: it would be most of the log.
bool is_passing(const Logged& record) {
  return std::holds_alternative<sched::Tick>(record.value) || std::holds_alternative<LiveBytes>(record.value) ||
         std::holds_alternative<sched::TaskProgress>(record.value);
}

}  // namespace

EventLogWriter::EventLogWriter(std::string path) : file_("the event log", std::move(path)) {
  file_.buffer() = event_log_header();
}

void EventLogWriter::on(const Logged& record) {
  if (!file_.open()) return;
  const bool decided = record.value.index() >= first_action && record.value.index() <= last_action;
  if (const auto tick = std::exchange(tick_, std::nullopt); tick && decided) {
    append_event(file_.buffer(), {*tick, sched::Tick{}});
  }
  if (std::holds_alternative<sched::Tick>(record.value)) tick_ = record.at;
  if (is_passing(record)) return;
  append_event(file_.buffer(), record);
  const bool end = std::holds_alternative<sched::JobSucceeded>(record.value) ||
                   std::holds_alternative<sched::JobFailed>(record.value) ||
                   std::holds_alternative<RunEnded>(record.value);
  if (end) {
    file_.flush();
  } else {
    file_.flush_if_large();
  }
}

void EventLogWriter::close() { file_.close(); }

EventLogReader::EventLogReader(std::string path)
    : name_(std::move(path)), file_(::open(name_.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (file_ < 0) throw Error(Cause::input, fmt::format("cannot read {}: {}", name_, std::strerror(errno)));
  try {
    read_header();
  } catch (...) {
    ::close(file_);
    throw;
  }
}

EventLogReader::EventLogReader(std::string name, std::string_view text) : name_(std::move(name)), size_(text.size()) {
  buffer_.reserve(text.size() + EventDecoder::padding);
  buffer_ = text;
  buffer_.resize(text.size() + EventDecoder::padding);
  read_header();
}

EventLogReader::~EventLogReader() {
  if (file_ >= 0) ::close(file_);
}

void EventLogReader::fail(const std::string& what) const {
  throw Error(Cause::bad_data, fmt::format("{}:{}: {}", name_, line_, what));
}

void EventLogReader::read_header() {
  std::string_view line;
  bool whole = false;
  if (!next_line(line, whole)) throw Error(Cause::bad_data, fmt::format("{} is empty, not an event log", name_));
  try {
    decoder_.header(line);
  } catch (const DecodeError& error) {
    fail(error.what());
  }
}

bool EventLogReader::next(Logged& record) {
  std::string_view line;
  bool whole = false;
  while (next_line(line, whole)) {
    if (line.empty()) continue;
    try {
      if (decoder_.record(line, record)) return true;
      ++skipped_;
    } catch (const DecodeError& error) {
      if (whole) fail(error.what());
      warnings_.push_back(fmt::format("{}:{}: the last line is cut off and was left out", name_, line_));
    }
  }
  return false;
}

bool EventLogReader::next_line(std::string_view& line, bool& whole) {
  std::size_t searched = begin_;
  for (;;) {
    const void* newline = std::memchr(buffer_.data() + searched, '\n', size_ - searched);
    if (newline != nullptr) {
      const auto end = static_cast<std::size_t>(static_cast<const char*>(newline) - buffer_.data());
      line = std::string_view(buffer_).substr(begin_, end - begin_);
      begin_ = end + 1;
      whole = true;
      ++line_;
      return true;
    }
    const std::size_t partial = size_ - begin_;
    if (!fill()) break;
    searched = begin_ + partial;
  }
  if (begin_ == size_) return false;
  line = std::string_view(buffer_).substr(begin_, size_ - begin_);
  begin_ = size_;
  whole = false;
  ++line_;
  return true;
}

// Moves what is unread to the front and reads more behind it. False at the end of the file.
bool EventLogReader::fill() {
  if (file_ < 0) return false;
  if (begin_ > 0) std::memmove(buffer_.data(), buffer_.data() + begin_, size_ - begin_);
  size_ -= begin_;
  begin_ = 0;
  buffer_.resize(std::max(buffer_.size(), size_ + read_block + EventDecoder::padding));
  for (;;) {
    const ::ssize_t got = ::read(file_, buffer_.data() + size_, read_block);
    if (got >= 0) {
      size_ += static_cast<std::size_t>(got);
      return got > 0;
    }
    if (errno != EINTR) throw Error(Cause::input, fmt::format("cannot read {}: {}", name_, std::strerror(errno)));
  }
}

}  // namespace millrace::observe
