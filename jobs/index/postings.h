#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

namespace millrace::jobs {

/// The documents that a word occurs in, gathered in any order: lines `id` or `id<TAB>position<TAB>position…`. An id has
/// neither tabs nor newlines.
class Postings {
 public:
  /// The word occurs in a document; with a position other than 0, there. `number` is the document's among those that
  /// these postings were made from, from 1; the positions in a document come ascending. Costs the same however much is
  /// gathered already.
  void add(std::string_view id, std::uint64_t number, std::uint64_t position) {
    if (number != last_) {
      last_ = number;
      text_.append(id) += '\n';
    }
    if (position == 0) return;
    text_.back() = '\t';
    text_.append(std::to_string(position)) += '\n';
  }

  void append(const Postings& later) {
    last_ = 0;
    text_ += later.text_;
  }

  /// The documents with commas between them, each once, in the order of comes_before() (document_id.h), with its
  /// positions behind colons, each once, ascending.
  std::string list() const;

 private:
  std::string text_;
  std::uint64_t last_ = 0;  // the number of the document that was added last; 0 when numbers do not tell

 public:
  static constexpr auto fields = std::tuple{&Postings::text_};
};

}  // namespace millrace::jobs
