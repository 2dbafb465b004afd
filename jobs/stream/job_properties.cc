#include "jobs/stream/job_properties.h"

#include <charconv>
#include <cstdlib>
#include <fmt/format.h>

#include <millrace/error.h>

#include "jobs/stream/property_names.h"

namespace millrace::jobs::stream {
namespace {

constexpr int most_names = 100;  // that one value may be made of

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// A cursor over the few elements that a configuration file has.
class ConfigurationReader {
 public:
  ConfigurationReader(std::string_view xml, std::string_view path) : xml_(xml), path_(path) {}

  void read(JobProperties& properties) {
    if (next_tag() != "configuration") fail("it does not begin with <configuration>");
    for (std::string_view tag = next_tag(); tag != "/configuration"; tag = next_tag()) {
      if (tag == "property") {
        read_property(properties);
      } else if (!tag.ends_with('/')) {
        fail(fmt::format("<{}> is not expected inside <configuration>", tag));
      }
    }
  }

 private:
  /// The next tag's text without brackets and attributes; comments, processing instructions and text are passed over.
  std::string_view next_tag() {
    for (;;) {
      at_ = xml_.find('<', at_);
      if (at_ == std::string_view::npos) {
        at_ = xml_.size();
        fail("the file ends too early");
      }
      if (xml_.substr(at_).starts_with("<!--")) {
        skip_past("-->");
      } else if (xml_.substr(at_).starts_with("<?") || xml_.substr(at_).starts_with("<!")) {
        skip_past(">");
      } else {
        const std::size_t begin = at_ + 1;
        skip_past(">");
        const std::string_view tag = xml_.substr(begin, at_ - 1 - begin);
        const std::string_view name = tag.substr(0, tag.find_first_of(" \t\r\n"));
        return tag.ends_with('/') && !name.ends_with('/') ? tag : name;
      }
    }
  }

  void skip_past(std::string_view end) {
    const std::size_t found = xml_.find(end, at_);
    if (found == std::string_view::npos) fail(fmt::format("'{}' is missing", end));
    at_ = found + end.size();
  }

  void read_property(JobProperties& properties) {
    std::string name;
    std::string value;
    for (std::string_view tag = next_tag(); tag != "/property"; tag = next_tag()) {
      if (tag.ends_with('/')) continue;
      const std::string text = element_text(tag);
      if (tag == "name") name = trim(text);
      if (tag == "value") value = text;
    }
    if (name.empty()) fail("a <property> has no <name>");
    properties.set(name, value);
  }

  /// The text up to the element's end, its entities resolved.
  std::string element_text(std::string_view element) {
    const std::string end = fmt::format("</{}>", element);
    const std::size_t begin = at_;
    skip_past(end);
    return resolve_entities(xml_.substr(begin, at_ - end.size() - begin));
  }

  std::string resolve_entities(std::string_view text) const {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const std::size_t end = text[i] == '&' ? text.find(';', i) : std::string_view::npos;
      if (end == std::string_view::npos) {
        result += text[i];
        continue;
      }
      result += entity(text.substr(i + 1, end - i - 1));
      i = end;
    }
    return result;
  }

  std::string entity(std::string_view name) const {
    if (name == "lt") return "<";
    if (name == "gt") return ">";
    if (name == "amp") return "&";
    if (name == "quot") return "\"";
    if (name == "apos") return "'";
    if (name.starts_with('#')) {
      const bool hexadecimal = name.starts_with("#x");
      const std::string_view digits = name.substr(hexadecimal ? 2 : 1);
      unsigned code = 0;
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), code, hexadecimal ? 16 : 10);
      if (error == std::errc{} && end == digits.data() + digits.size() && code > 0 && code < 0x80) {
        return std::string(1, static_cast<char>(code));
      }
    }
    fail(fmt::format("the entity &{}; is not known", name));
  }

  [[noreturn]] void fail(const std::string& why) const {
    throw Error(Cause::usage, fmt::format("{}: byte {}: not a Hadoop configuration file: {}", path_, at_, why));
  }

  std::string_view xml_;
  std::string_view path_;
  std::size_t at_ = 0;
};

}  // namespace

void JobProperties::set(std::string_view name, std::string_view value) {
  values_.insert_or_assign(std::string(current_property_name(name)), std::string(value));
}

void JobProperties::set_default(std::string_view name, std::string_view value) {
  values_.emplace(current_property_name(name), value);
}

bool JobProperties::has(std::string_view name) const { return values_.contains(current_property_name(name)); }

std::string JobProperties::get(std::string_view name, std::string_view otherwise) const {
  const auto found = values_.find(current_property_name(name));
  int names_left = most_names;
  return found == values_.end() ? std::string(otherwise) : expand(found->second, names_left);
}

std::string JobProperties::expand(std::string_view value, int& names_left) const {
  std::string result;
  while (!value.empty()) {
    const std::size_t begin = value.find("${");
    const std::size_t end = begin == std::string_view::npos ? begin : value.find('}', begin);
    if (end == std::string_view::npos || names_left == 0) break;
    --names_left;
    result += value.substr(0, begin);
    const std::string_view name = value.substr(begin + 2, end - begin - 2);
    if (const auto found = values_.find(current_property_name(name)); found != values_.end()) {
      result += expand(found->second, names_left);
    } else if (const char* variable =
                   name.starts_with("env.") ? std::getenv(std::string(name.substr(4)).c_str()) : nullptr) {
      result += variable;
    } else {
      result += value.substr(begin, end - begin + 1);
    }
    value.remove_prefix(end + 1);
  }
  result += value;
  return result;
}

bool JobProperties::get_bool(std::string_view name, bool otherwise) const {
  const std::string value(trim(get(name)));
  if (value.empty()) return otherwise;
  if (value == "true" || value == "TRUE" || value == "True") return true;
  if (value == "false" || value == "FALSE" || value == "False") return false;
  throw Error(Cause::usage, fmt::format("property {}: '{}' is neither true nor false", name, value));
}

std::int64_t JobProperties::get_int(std::string_view name, std::int64_t otherwise, std::int64_t low,
                                    std::int64_t high) const {
  const std::string value(trim(get(name)));
  if (value.empty()) return otherwise;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || number < low || number > high) {
    throw Error(Cause::usage,
                fmt::format("property {}: '{}' is not a whole number between {} and {}", name, value, low, high));
  }
  return number;
}

void JobProperties::add_configuration(std::string_view xml, std::string_view path) {
  ConfigurationReader(xml, path).read(*this);
}

std::string environment_name(std::string_view property) {
  std::string name(property);
  for (char& c : name) {
    if (!is_alphanumeric(c)) c = '_';
  }
  return name;
}

}  // namespace millrace::jobs::stream
