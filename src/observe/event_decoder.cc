#include "observe/event_decoder.h"

#include <concepts>
#include <fmt/format.h>
#include <limits>
#include <simdjson.h>
#include <type_traits>
#include <utility>

#include "observe/event_fields.h"

namespace millrace::observe {

using simdjson::dom::element;
using simdjson::dom::object;

struct EventDecoder::Parser {
  simdjson::dom::parser parser;

  object parse(std::string_view line) {
    object parsed;
    const auto error = parser.parse(line.data(), line.size(), false).get(parsed);
    if (error) throw DecodeError(fmt::format("it is not a JSON object ({})", simdjson::error_message(error)));
    return parsed;
  }
};

namespace {

// More tasks than this in a stage that lists finished ones is damage: it would be gigabytes of flags.
constexpr std::uint32_t max_flagged_tasks = 1u << 24;

constexpr std::int64_t max_microseconds = std::int64_t{1} << 53;

// Reads fields out of an object.
class Decoder {
 public:
  explicit Decoder(object from) : from_(from) {}

  template <class Field>
  void operator()(const char* name, Field& field) {
    element found;
    if (from_[name].get(found)) throw DecodeError(fmt::format("the field \"{}\" is missing", name));
    read(name, found, field);
  }

  template <class Field>
  void maybe(const char* name, Field& field) {
    element found;
    if (!from_[name].get(found)) read(name, found, field);
  }

  template <class Object>
  void part(const char* name, Object& value) {
    maybe(name, value);
  }

  void microseconds(const char* name, std::int64_t& time) {
    maybe(name, time);
    if (time < 0 || time > max_microseconds) wrong(name);
  }

  void attempts(const char* name, std::vector<AttemptId>& attempts) {
    element found;
    if (from_[name].get(found)) return;
    for (const element triple : array(name, found)) {
      const auto numbers = array(name, triple);
      if (numbers.size() != 3) wrong(name);
      AttemptId& attempt = attempts.emplace_back();
      read(name, numbers.at(0).value_unsafe(), attempt.stage.value);
      read(name, numbers.at(1).value_unsafe(), attempt.partition.value);
      read(name, numbers.at(2).value_unsafe(), attempt.number);
    }
  }

  void flags(const char* name, std::vector<bool>& flags, std::uint32_t count) {
    element found;
    if (from_[name].get(found)) return;
    if (count > max_flagged_tasks) wrong(name);
    flags.resize(count);
    for (const element pair : array(name, found)) {
      const auto [first, last] = two_numbers(name, pair);
      if (last >= count || first > last) wrong(name);
      for (std::uint32_t i = first; i <= last; ++i) flags[i] = true;
    }
  }

 private:
  [[noreturn]] static void wrong(const char* name) {
    throw DecodeError(fmt::format("the field \"{}\" does not have the form it should", name));
  }

  template <class Value>
  static Value get(const char* name, const element& from) {
    Value value;
    if (from.get(value)) wrong(name);
    return value;
  }

  static simdjson::dom::array array(const char* name, const element& from) {
    return get<simdjson::dom::array>(name, from);
  }

  static std::pair<std::uint32_t, std::uint32_t> two_numbers(const char* name, const element& from) {
    const auto pair = array(name, from);
    if (pair.size() != 2) wrong(name);
    std::pair<std::uint32_t, std::uint32_t> numbers;
    read(name, pair.at(0).value_unsafe(), numbers.first);
    read(name, pair.at(1).value_unsafe(), numbers.second);
    return numbers;
  }

  static void read(const char* name, const element& from, bool& value) { value = get<bool>(name, from); }
  static void read(const char* name, const element& from, std::string& value) {
    value = get<std::string_view>(name, from);
  }
  static void read(const char* name, const element& from, Cause& value) {
    value = cause_from_name(std::string(get<std::string_view>(name, from)).c_str());
  }
  static void read(const char* name, const element& from, StageId& value) { read(name, from, value.value); }
  static void read(const char* name, const element& from, ExecutorId& value) { read(name, from, value.value); }
  static void read(const char* name, const element& from, AttemptId& value) {
    const auto [stage, partition] = two_numbers(name, from);
    value = {StageId{stage}, PartitionId{partition}, 0};
  }
  template <std::integral Number>
  static void read(const char* name, const element& from, Number& value) {
    using Wide = std::conditional_t<std::is_signed_v<Number>, std::int64_t, std::uint64_t>;
    const Wide wide = get<Wide>(name, from);
    if (!std::in_range<Number>(wide)) wrong(name);
    value = static_cast<Number>(wide);
  }
  template <class Mapped>
  static void read(const char* name, const element& from, std::map<std::string, Mapped>& map) {
    for (const auto& field : get<simdjson::dom::object>(name, from)) {
      read(name, field.value, map[std::string(field.key)]);
    }
  }
  template <class Element>
  static void read(const char* name, const element& from, std::vector<Element>& elements) {
    for (const element each : array(name, from)) {
      elements.emplace_back();
      read(name, each, elements.back());
    }
  }
  template <class Object>
  requires requires(Decoder& decoder, Object& object) { fields(decoder, object); }
  static void read(const char* name, const element& from, Object& value) {
    Decoder inner(get<simdjson::dom::object>(name, from));
    fields(inner, value);
  }

  simdjson::dom::object from_;
};

template <std::size_t Index = 0>
bool decode(std::string_view kind, Decoder& decoder, Logged::Value& value) {
  if constexpr (Index == std::variant_size_v<Logged::Value>) {
    return false;
  } else {
    using Value = std::variant_alternative_t<Index, Logged::Value>;
    if (kind != kind_of<Value>()) return decode<Index + 1>(kind, decoder, value);
    fields(decoder, value.emplace<Index>());
    return true;
  }
}

}  // namespace

const std::size_t EventDecoder::padding = simdjson::SIMDJSON_PADDING;

EventDecoder::EventDecoder() : parser_(std::make_unique<Parser>()) {}
EventDecoder::~EventDecoder() = default;

void EventDecoder::header(std::string_view line) {
  std::uint64_t version = 0;
  if (parser_->parse(line)["millrace_event_log"].get(version))
    throw DecodeError("it is not the header of an event log");
  if (version != 1) throw DecodeError(fmt::format("the log has version {}; this program reads version 1", version));
}

bool EventDecoder::record(std::string_view line, Logged& record) {
  const object parsed = parser_->parse(line);
  Decoder decoder(parsed);
  std::string kind;
  decoder("event", kind);
  record.at = {};
  decoder.microseconds("at", record.at.microseconds);
  return decode(kind, decoder, record.value);
}

}  // namespace millrace::observe
