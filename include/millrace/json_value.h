#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace {

/// One value of a parsed JSON text (RFC 8259): a view into what the parser holds, valid until it parses the next text.
/// It is not owned, so keep what you take out of it (numbers, or std::string of a text), not the value itself; it is
/// deliberately no type that can travel between tasks.
///
/// What is asked of a value that it cannot give throws Error(bad_data) saying what it is and what was asked; the reader
/// that made it adds file and byte. Looking up what is not there gives a missing value, on which looking up goes on, so
/// that `value["user"]["name"]` needs one check.
class JsonValue {
 public:
  enum class Kind : std::uint8_t { missing, null, boolean, integer, unsigned_integer, real, text, array, object };

  JsonValue() noexcept = default;
  JsonValue(const JsonValue& other) noexcept : words_{other.words_[0], other.words_[1]}, kind_(other.kind_) {}
  JsonValue& operator=(const JsonValue& other) noexcept {
    words_[0] = other.words_[0];
    words_[1] = other.words_[1];
    kind_ = other.kind_;
    return *this;
  }

  /// `integer` for whole numbers that a std::int64_t holds, `unsigned_integer` for larger ones below 2^64.
  Kind kind() const noexcept { return kind_; }
  bool is_missing() const noexcept { return kind_ == Kind::missing; }
  bool is_null() const noexcept { return kind_ == Kind::null; }

  bool as_bool() const;
  /// A whole number in the range of the type.
  std::int64_t as_int64() const;
  std::uint64_t as_uint64() const;
  /// Any number.
  double as_double() const;
  /// The text in UTF-8 with escapes resolved.
  std::string_view as_text() const;

  /// Of an object: the first member of this name. Missing for a member that is not there, or a value that is no object.
  JsonValue operator[](std::string_view member) const;
  /// Of an array: element `index`, found by counting. Missing past the end, or for a value that is no array.
  JsonValue operator[](std::size_t index) const;
  /// How many elements or members; 0 for other kinds.
  std::size_t size() const;
  /// Of an array, in order; empty for other kinds.
  std::vector<JsonValue> elements() const;
  /// Of an object, in the order of the text; empty for other kinds.
  std::vector<std::pair<std::string_view, JsonValue>> members() const;

  /// The value as JSON text without white space; "" when it is missing.
  std::string to_json() const;

 private:
  friend struct JsonAccess;

  std::uint64_t words_[2] = {};  ///< a simdjson::dom::element
  Kind kind_ = Kind::missing;
};

/// "missing", "null", "boolean", …
const char* name(JsonValue::Kind kind) noexcept;

}  // namespace millrace
