#include "observe/event_encoder.h"

#include <cstddef>
#include <fmt/format.h>
#include <type_traits>

#include "observe/event_fields.h"
#include "observe/json_text.h"

namespace millrace::observe {
namespace {

// Writes fields into an object that is open in `out`.
class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}

  template <class Field>
  void operator()(const char* name, const Field& field) {
    key(name);
    value(field);
  }

  template <class Field>
  void maybe(const char* name, const Field& field) {
    if constexpr (std::is_arithmetic_v<Field>) {
      if (field != Field{}) (*this)(name, field);
    } else {
      if (!field.empty()) (*this)(name, field);
    }
  }

  void microseconds(const char* name, std::int64_t time) { maybe(name, time); }

  // An object of which every field may be left out, and which is itself when all are.
  template <class Object>
  void part(const char* name, const Object& object) {
    const std::size_t size = out_.size();
    const bool first = first_;
    key(name);
    out_ += '{';
    Encoder inner(out_);
    fields(inner, object);
    if (inner.first_) {
      out_.resize(size);
      first_ = first;
    } else {
      out_ += '}';
    }
  }

  // As [stage, partition, attempt]; elsewhere an AttemptId stands for its task.
  void attempts(const char* name, const std::vector<AttemptId>& attempts) {
    if (attempts.empty()) return;
    key(name);
    out_ += '[';
    const char* separator = "";
    for (const AttemptId& each : attempts) {
      fmt::format_to(std::back_inserter(out_), "{}[{},{},{}]", separator, each.stage, each.partition, each.number);
      separator = ",";
    }
    out_ += ']';
  }

  // The numbers of the flags that are set, as [first, last] pairs.
  void flags(const char* name, const std::vector<bool>& flags, std::uint32_t) {
    if (flags.empty()) return;
    key(name);
    out_ += '[';
    const char* separator = "";
    for (std::size_t first = 0; first < flags.size(); ++first) {
      if (!flags[first]) continue;
      std::size_t last = first;
      while (last + 1 < flags.size() && flags[last + 1]) ++last;
      fmt::format_to(std::back_inserter(out_), "{}[{},{}]", separator, first, last);
      separator = ",";
      first = last;
    }
    out_ += ']';
  }

 private:
  void key(const char* name) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }

  void value(bool flag) { out_ += flag ? "true" : "false"; }
  void value(const std::string& text) { append_json_string(out_, text); }
  void value(Cause cause) { append_json_string(out_, name(cause)); }
  void value(StageId id) { value(id.value); }
  void value(ExecutorId id) { value(id.value); }
  void value(const AttemptId& task) { fmt::format_to(std::back_inserter(out_), "[{},{}]", task.stage, task.partition); }
  template <std::integral Number>
  void value(Number number) {
    const fmt::format_int text(number);
    out_.append(text.data(), text.size());
  }
  template <class Mapped>
  void value(const std::map<std::string, Mapped>& map) {
    out_ += '{';
    const char* separator = "";
    for (const auto& [name, mapped] : map) {
      out_ += separator;
      separator = ",";
      append_json_string(out_, name);
      out_ += ':';
      value(mapped);
    }
    out_ += '}';
  }
  template <class Element>
  void value(const std::vector<Element>& elements) {
    out_ += '[';
    const char* separator = "";
    for (const Element& element : elements) {
      out_ += separator;
      separator = ",";
      value(element);
    }
    out_ += ']';
  }
  template <class Object>
  requires requires(Encoder& encoder, const Object& object) { fields(encoder, object); }
  void value(const Object& object) {
    out_ += '{';
    Encoder inner(out_);
    fields(inner, object);
    out_ += '}';
  }

  std::string& out_;
  bool first_ = true;
};

}  // namespace

std::string event_log_header() { return "{\"millrace_event_log\":1}\n"; }

void append_event(std::string& out, const Logged& record) {
  std::visit(
      [&](const auto& value) {
        out += "{\"at\":";
        const fmt::format_int at(record.at.microseconds);
        out.append(at.data(), at.size());
        out += ",\"event\":\"";
        out += kind_of<std::remove_cvref_t<decltype(value)>>();
        out += '"';
        const std::size_t size = out.size();
        out += ',';
        Encoder encoder(out);
        fields(encoder, value);
        if (out.size() == size + 1) out.pop_back();
        out += "}\n";
      },
      record.value);
}

}  // namespace millrace::observe
