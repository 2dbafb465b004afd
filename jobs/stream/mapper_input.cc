#include "jobs/stream/mapper_input.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace millrace::jobs::stream {
namespace {

std::uint64_t count_lines(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')) +
         (text.ends_with('\n') || text.empty() ? 0 : 1);
}

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), number);
  out.append(digits, error == std::errc{} ? end : digits);
}

/// Buffers of whole lines from the engine's reader.
class TextMapperInput final : public MapperInput {
 public:
  TextMapperInput(TaskContext& task, const StreamSpec& spec)
      : task_(task), spec_(spec), input_(task.open_source(spec.source, task.partition())) {
    advance();
  }

  bool next_file() override {
    if (!has_buffer_) {
      const bool first = !any_file_;  // a task whose files are all empty still runs its command once
      any_file_ = true;
      return first;
    }
    any_file_ = true;
    path_ = task_.input_path();
    start_ = offset();
    return true;
  }

  std::string_view next() override {
    if (newline_due_) {
      newline_due_ = false;
      return "\n";
    }
    if (given_) advance();
    if (!has_buffer_ || task_.input_path() != path_) return {};
    given_ = true;
    const bool plain = !spec_.pass_input_key && spec_.input_format == InputFormat::text;
    if (!plain) {
      lines_.clear();
      records_ += format_lines(buffer_, offset(), spec_, lines_);
      return lines_;
    }
    const std::uint64_t count = count_lines(buffer_);
    records_ += count;
    task_.count_records(count);
    newline_due_ = !buffer_.ends_with('\n');
    return buffer_;
  }

  std::string path() const override { return path_; }
  std::uint64_t start() const override { return start_; }
  std::uint64_t records() const override { return records_; }

 private:
  void advance() {
    given_ = false;
    do {
      has_buffer_ = !task_.stopped() && input_->next(buffer_);
    } while (has_buffer_ && buffer_.empty());
    if (has_buffer_) task_.at_record(buffer_.data());
  }
  std::uint64_t offset() const { return task_.input_offset(); }

  TaskContext& task_;
  const StreamSpec& spec_;
  std::unique_ptr<internal::BufferInput> input_;
  std::string_view buffer_;
  bool has_buffer_ = false;
  bool given_ = false;        // the buffer was returned
  bool newline_due_ = false;  // the last line of the file had none
  bool any_file_ = false;
  std::string path_;
  std::uint64_t start_ = 0;
  std::uint64_t records_ = 0;
  std::string lines_;
};

/// Lines that the plan itself carries.
class NLineMapperInput final : public MapperInput {
 public:
  NLineMapperInput(TaskContext& task, const StreamSpec& spec) {
    Decoder in(task.source_split(spec.source, task.partition()));
    split_ = in.get<LineSplit>();
    records_ = format_lines(split_.text, split_.offset, spec, lines_);
    task.count_records(records_);
  }
  bool next_file() override { return !std::exchange(opened_, true); }
  std::string_view next() override {
    return std::exchange(given_, true) ? std::string_view{} : std::string_view(lines_);
  }
  std::string path() const override { return split_.path; }
  std::uint64_t start() const override { return split_.offset; }
  std::uint64_t records() const override { return records_; }

 private:
  LineSplit split_;
  std::string lines_;
  std::uint64_t records_ = 0;
  bool opened_ = false;
  bool given_ = false;
};

/// Whole files, cut at the marks.
class XmlMapperInput final : public MapperInput {
 public:
  XmlMapperInput(TaskContext& task, const StreamSpec& spec)
      : task_(task), spec_(spec), input_(task.open_source(spec.source, task.partition())) {}

  bool next_file() override {
    if (task_.stopped() || !input_->next(file_)) return !std::exchange(any_file_, true);
    any_file_ = true;
    given_ = false;
    task_.at_record(file_.data());
    return true;
  }
  std::string_view next() override {
    if (std::exchange(given_, true)) return {};
    lines_.clear();
    for_each_xml_record(file_, spec_, [&](std::string_view record, std::uint64_t) {
      lines_ += record;
      if (spec_.pass_input_key) lines_ += spec_.map_input_separator;
      lines_ += '\n';
      ++records_;
      task_.count_records(1);
    });
    return lines_;
  }
  std::string path() const override { return std::string(task_.input_path()); }
  std::uint64_t start() const override { return 0; }
  std::uint64_t records() const override { return records_; }

 private:
  TaskContext& task_;
  const StreamSpec& spec_;
  std::unique_ptr<internal::BufferInput> input_;
  std::string_view file_;
  std::string lines_;
  std::uint64_t records_ = 0;
  bool any_file_ = false;
  bool given_ = true;
};

/// Where `mark` begins at or behind `from`; with `slow_match` what stands in <![CDATA[ ]]> does not count.
std::size_t find_mark(std::string_view text, std::string_view mark, std::size_t from, bool slow_match) {
  constexpr std::string_view open = "<![CDATA[";
  constexpr std::string_view close = "]]>";
  for (;;) {
    const std::size_t found = text.find(mark, from);
    if (!slow_match || found == std::string_view::npos) return found;
    const std::size_t section = text.find(open, from);
    if (section == std::string_view::npos || section > found) return found;
    const std::size_t end = text.find(close, section + open.size());
    if (end == std::string_view::npos) return std::string_view::npos;
    from = end + close.size();
  }
}

}  // namespace

std::uint64_t format_lines(std::string_view text, std::uint64_t offset, const StreamSpec& spec, std::string& lines) {
  std::uint64_t count = 0;
  for (std::size_t begin = 0; begin < text.size(); ++count) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    if (spec.input_format == InputFormat::key_value) {
      const std::size_t separator = line.find(spec.input_key_separator);
      const std::string_view key = line.substr(0, separator);
      const std::string_view value = separator == std::string_view::npos
                                         ? std::string_view{}
                                         : line.substr(separator + spec.input_key_separator.size());
      if (spec.pass_input_key) lines.append(key).append(spec.map_input_separator);
      lines.append(value);
    } else {
      if (spec.pass_input_key) {
        append_number(lines, offset + begin);
        lines += spec.map_input_separator;
      }
      lines += line;
    }
    lines += '\n';
    begin = end + 1;
  }
  return count;
}

void for_each_xml_record(std::string_view text, const StreamSpec& spec,
                         const std::function<void(std::string_view, std::uint64_t)>& visit) {
  std::size_t at = 0;
  for (;;) {
    const std::size_t begin = find_mark(text, spec.xml_begin, at, spec.xml_slow_match);
    if (begin == std::string_view::npos) return;
    const std::size_t end_mark = find_mark(text, spec.xml_end, begin + spec.xml_begin.size(), spec.xml_slow_match);
    if (end_mark == std::string_view::npos) return;
    std::size_t end = end_mark + spec.xml_end.size();
    if (spec.xml_slow_match) end = std::min<std::size_t>(end, begin + spec.xml_longest);
    visit(text.substr(begin, end - begin), begin);
    at = end;
  }
}

std::unique_ptr<MapperInput> open_mapper_input(TaskContext& task, const StreamSpec& spec) {
  if (spec.input_format == InputFormat::n_line) return std::make_unique<NLineMapperInput>(task, spec);
  if (spec.input_format == InputFormat::xml) return std::make_unique<XmlMapperInput>(task, spec);
  return std::make_unique<TextMapperInput>(task, spec);
}

}  // namespace millrace::jobs::stream
