#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

namespace millrace::jobs {

/// The documents that a word occurs in, gathered in any order, in few bytes: most words occur in few documents, and
/// then the string needs no memory but its own.
class Postings {
 public:
  /// The word occurs in a document, which has this mark (document_id.h); with a position other than 0, there. The
  /// positions in a document come ascending. Costs the same however much is gathered already.
  void add(std::string_view id, std::uint64_t mark, std::uint64_t position) {
    if (mark != last_) add_document(id, mark);
    if (position != 0) put(position << 2 | at_position);
  }

  void append(const Postings& later) {
    last_ = 0;
    tokens_ += later.tokens_;
  }

  /// The documents with commas between them, each once, in the order of comes_before() (document_id.h), with its
  /// positions behind colons, each once, ascending.
  std::string list() const;

 private:
  class Tokens;
  // The lowest bits of a number say what it is. With a 0, it is by how much the id's last digits are greater than those
  // of the document before.
  static constexpr std::uint64_t named = 1;  // a document, whose id, of so many bytes, follows
  static constexpr std::uint64_t at_position = 3;

  void add_document(std::string_view id, std::uint64_t mark);
  /// Seven bits a byte, the lowest first.
  void put(std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) tokens_.push_back(static_cast<char>(number | 0x80));
    tokens_.push_back(static_cast<char>(number));
  }
  bool list_as_they_come(std::string& list) const;
  std::size_t numbers() const;
  std::string lines() const;

  std::string tokens_;
  std::uint64_t last_ = 0;  // the mark of the document that was added last; 0 when marks do not tell

 public:
  static constexpr auto fields = std::tuple{&Postings::tokens_};
};

}  // namespace millrace::jobs
