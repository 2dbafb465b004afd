#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

/// Prints encoded elements of a type that only the file's type name tells: i8 … u64, f32, f64, bool, text, bytesN,
/// tuples
/// "(a,b,…)" and lists "[a]". Prints as Dataset::write_text does: tuples' parts between tabs, lists with commas; bytesN
/// in hexadecimal digits. Immutable: any thread may print.
class ElementPrinter {
 public:
  /// Throws Error(usage) for a type name that says nothing about the bytes, such as "struct".
  explicit ElementPrinter(std::string_view type_name);

  /// Appends the element that begins at the front of `bytes` to `out` and takes its bytes off the front.
  /// Throws Error(bad_data) when the bytes end within it.
  void print(std::span<const std::byte>& bytes, std::string& out) const;

 private:
  enum class Kind : unsigned char { signed_integer, unsigned_integer, floating, boolean, text, bytes, tuple, list };
  struct Type {
    Kind kind = Kind::bytes;
    std::size_t size = 0;       // of numbers and bytes
    std::vector<Type> parts{};  // of tuples and lists
  };

  static Type parse(std::string_view& text);
  static void print(const Type& type, std::span<const std::byte>& bytes, std::string& out);

  Type type_;
};

}  // namespace millrace::cli
