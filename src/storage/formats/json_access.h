#pragma once

#include <simdjson.h>

#include <millrace/json_value.h>

namespace millrace {

/// The one way between a JsonValue and the parser's element that it holds. Internal to this folder.
struct JsonAccess {
  static JsonValue wrap(const simdjson::dom::element& element) noexcept;
  static simdjson::dom::element unwrap(const JsonValue& value) noexcept;
};

}  // namespace millrace
