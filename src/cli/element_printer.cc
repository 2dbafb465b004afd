#include "cli/element_printer.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

#include <millrace/dataset.h>
#include <millrace/error.h>

namespace millrace::cli {
namespace {

std::span<const std::byte> take(std::span<const std::byte>& bytes, std::size_t size) {
  if (bytes.size() < size) throw Error(Cause::bad_data, "the bytes end within an element");
  const auto front = bytes.first(size);
  bytes = bytes.subspan(size);
  return front;
}

std::uint64_t take_unsigned(std::span<const std::byte>& bytes, std::size_t size) {
  std::uint64_t value = 0;
  std::memcpy(&value, take(bytes, size).data(), size);
  return value;
}

std::uint64_t take_length(std::span<const std::byte>& bytes) {
  const std::byte* at = bytes.data();
  const std::uint64_t length = internal::decode_length(at, bytes.data() + bytes.size());
  bytes = bytes.subspan(static_cast<std::size_t>(at - bytes.data()));
  return length;
}

void print_hexadecimal(std::span<const std::byte> bytes, std::string& out) {
  static constexpr char digits[] = "0123456789abcdef";
  for (const std::byte byte : bytes) {
    out += digits[std::to_integer<unsigned>(byte) >> 4];
    out += digits[std::to_integer<unsigned>(byte) & 15];
  }
}

[[noreturn]] void refuse(std::string_view text) {
  throw Error(Cause::usage,
              "elements of type '" + std::string(text) + "' can only be read by a program that knows the type");
}

}  // namespace

ElementPrinter::ElementPrinter(std::string_view type_name) {
  std::string_view rest = type_name;
  type_ = parse(rest);
  if (!rest.empty()) refuse(type_name);
}

void ElementPrinter::print(std::span<const std::byte>& bytes, std::string& out) const { print(type_, bytes, out); }

ElementPrinter::Type ElementPrinter::parse(std::string_view& text) {
  const std::string_view whole = text;
  if (text.starts_with('(') || text.starts_with('[')) {
    Type type{text.front() == '(' ? Kind::tuple : Kind::list};
    const char end = text.front() == '(' ? ')' : ']';
    while (!text.empty() && text.front() != end) {
      text.remove_prefix(1);  // the bracket or a comma
      if (!text.starts_with(end)) type.parts.push_back(parse(text));
    }
    if (text.empty() || (type.kind == Kind::list && type.parts.size() != 1)) refuse(whole);
    text.remove_prefix(1);
    return type;
  }
  const std::string_view name = text.substr(0, text.find_first_of(",)]"));
  text.remove_prefix(name.size());
  if (name == "text") return {Kind::text};
  if (name == "bool") return {Kind::boolean, 1};
  for (const auto& [prefix, kind, unit] : {std::tuple{std::string_view("bytes"), Kind::bytes, 1},
                                           {"i", Kind::signed_integer, 8},
                                           {"u", Kind::unsigned_integer, 8},
                                           {"f", Kind::floating, 8}}) {
    if (!name.starts_with(prefix)) continue;
    std::size_t number = 0;
    const auto [stop, error] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), number);
    const std::size_t size = number / static_cast<std::size_t>(unit);
    const bool plausible = kind == Kind::bytes || size == 1 || size == 2 || size == 4 || size == 8;
    if (error == std::errc{} && stop == name.data() + name.size() && plausible) return {kind, size};
  }
  refuse(whole);
}

void ElementPrinter::print(const Type& type, std::span<const std::byte>& bytes, std::string& out) {
  switch (type.kind) {
    case Kind::unsigned_integer:
      return internal::print_text(out, take_unsigned(bytes, type.size));
    case Kind::signed_integer: {
      const std::size_t unused = 64 - 8 * type.size;
      return internal::print_text(out, static_cast<std::int64_t>(take_unsigned(bytes, type.size) << unused) >> unused);
    }
    case Kind::floating: {
      const std::uint64_t bits = take_unsigned(bytes, type.size);
      if (type.size == 8) return internal::print_text(out, std::bit_cast<double>(bits));
      return internal::print_text(out, std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    }
    case Kind::boolean:
      return internal::print_text(out, take_unsigned(bytes, 1) != 0);
    case Kind::text: {
      const auto text = take(bytes, take_length(bytes));
      out.append(reinterpret_cast<const char*>(text.data()), text.size());
      return;
    }
    case Kind::bytes:
      return print_hexadecimal(take(bytes, type.size), out);
    case Kind::tuple:
      for (std::size_t i = 0; i < type.parts.size(); ++i) {
        if (i != 0) out += '\t';
        print(type.parts[i], bytes, out);
      }
      return;
    case Kind::list:
      for (std::uint64_t i = 0, length = take_length(bytes); i < length; ++i) {
        if (i != 0) out += ',';
        print(type.parts.front(), bytes, out);
      }
      return;
  }
}

}  // namespace millrace::cli
