#include <cstring>
#include <fmt/format.h>
#include <simdjson.h>

#include <millrace/error.h>
#include <millrace/json_value.h>

#include "storage/formats/json_access.h"

namespace millrace {
namespace {

using Element = simdjson::dom::element;
using Kind = JsonValue::Kind;

Kind kind_of(const Element& element) noexcept {
  switch (element.type()) {
    case simdjson::dom::element_type::ARRAY:
      return Kind::array;
    case simdjson::dom::element_type::OBJECT:
      return Kind::object;
    case simdjson::dom::element_type::INT64:
      return Kind::integer;
    case simdjson::dom::element_type::UINT64:
      return Kind::unsigned_integer;
    case simdjson::dom::element_type::DOUBLE:
      return Kind::real;
    case simdjson::dom::element_type::STRING:
      return Kind::text;
    case simdjson::dom::element_type::BOOL:
      return Kind::boolean;
    case simdjson::dom::element_type::NULL_VALUE:
      return Kind::null;
  }
  return Kind::missing;
}

[[noreturn]] void refuse(const JsonValue& value, const char* wanted) {
  std::string text = value.to_json();
  if (text.size() > 80) text = text.substr(0, 80) + "…";
  throw Error(Cause::bad_data, fmt::format("expected {} in JSON and found {}{}{}", wanted, name(value.kind()),
                                           text.empty() ? "" : ": ", text));
}

}  // namespace

static_assert(sizeof(Element) == 2 * sizeof(std::uint64_t) && std::is_trivially_copyable_v<Element>,
              "a JsonValue holds an element in its words");

JsonValue JsonAccess::wrap(const Element& element) noexcept {
  JsonValue value;
  std::memcpy(value.words_, &element, sizeof element);
  value.kind_ = kind_of(element);
  return value;
}

Element JsonAccess::unwrap(const JsonValue& value) noexcept {
  Element element;
  std::memcpy(static_cast<void*>(&element), value.words_, sizeof element);
  return element;
}

const char* name(Kind kind) noexcept {
  switch (kind) {
    case Kind::missing:
      return "missing";
    case Kind::null:
      return "null";
    case Kind::boolean:
      return "boolean";
    case Kind::integer:
      return "integer";
    case Kind::unsigned_integer:
      return "unsigned integer";
    case Kind::real:
      return "real";
    case Kind::text:
      return "text";
    case Kind::array:
      return "array";
    case Kind::object:
      return "object";
  }
  return "unknown";
}

bool JsonValue::as_bool() const {
  if (kind_ != Kind::boolean) refuse(*this, "a boolean");
  return JsonAccess::unwrap(*this).get_bool().value_unsafe();
}

std::int64_t JsonValue::as_int64() const {
  if (kind_ != Kind::integer) refuse(*this, "a whole number below 2^63");
  return JsonAccess::unwrap(*this).get_int64().value_unsafe();
}

std::uint64_t JsonValue::as_uint64() const {
  std::uint64_t number = 0;
  const bool whole = kind_ == Kind::integer || kind_ == Kind::unsigned_integer;
  if (!whole || JsonAccess::unwrap(*this).get_uint64().get(number) != simdjson::SUCCESS) {
    refuse(*this, "a whole number that is not negative");
  }
  return number;
}

double JsonValue::as_double() const {
  double number = 0;
  if (kind_ == Kind::missing || JsonAccess::unwrap(*this).get_double().get(number) != simdjson::SUCCESS) {
    refuse(*this, "a number");
  }
  return number;
}

std::string_view JsonValue::as_text() const {
  if (kind_ != Kind::text) refuse(*this, "a text");
  return JsonAccess::unwrap(*this).get_string().value_unsafe();
}

JsonValue JsonValue::operator[](std::string_view member) const {
  if (kind_ != Kind::object) return {};
  Element found;
  if (JsonAccess::unwrap(*this).at_key(member).get(found) != simdjson::SUCCESS) return {};
  return JsonAccess::wrap(found);
}

JsonValue JsonValue::operator[](std::size_t index) const {
  if (kind_ != Kind::array) return {};
  Element found;
  if (JsonAccess::unwrap(*this).at(index).get(found) != simdjson::SUCCESS) return {};
  return JsonAccess::wrap(found);
}

std::size_t JsonValue::size() const {
  // simdjson's own count stops at 2^24 - 1.
  if (kind_ == Kind::array) return elements().size();
  if (kind_ == Kind::object) return members().size();
  return 0;
}

std::vector<JsonValue> JsonValue::elements() const {
  std::vector<JsonValue> all;
  if (kind_ != Kind::array) return all;
  const simdjson::dom::array array = JsonAccess::unwrap(*this).get_array().value_unsafe();
  for (const Element& element : array) all.push_back(JsonAccess::wrap(element));
  return all;
}

std::vector<std::pair<std::string_view, JsonValue>> JsonValue::members() const {
  std::vector<std::pair<std::string_view, JsonValue>> all;
  if (kind_ != Kind::object) return all;
  const simdjson::dom::object object = JsonAccess::unwrap(*this).get_object().value_unsafe();
  for (const auto member : object) all.emplace_back(member.key, JsonAccess::wrap(member.value));
  return all;
}

std::string JsonValue::to_json() const {
  if (kind_ == Kind::missing) return "";
  return simdjson::minify(JsonAccess::unwrap(*this));
}

}  // namespace millrace
