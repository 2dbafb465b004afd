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
  /// The word occurs in a document; with a position other than 0, there. Costs the same however much is gathered
  /// already.
  void add(std::string_view id, std::uint64_t position) {
    if (!ends_with_document(id)) {
      last_ = text_.size();
      text_.append(id) += '\n';
    }
    if (position == 0) return;
    text_.back() = '\t';
    text_.append(std::to_string(position)) += '\n';
  }

  void append(const Postings& later) {
    last_ = text_.size() + later.last_;
    text_ += later.text_;
  }

  /// The documents with commas between them, each once, in the order of comes_before() (document_id.h), with its
  /// positions behind colons, each once, ascending.
  std::string list() const;

 private:
  bool ends_with_document(std::string_view id) const {
    const std::size_t end = last_ + id.size();
    return end < text_.size() && (text_[end] == '\n' || text_[end] == '\t') && text_.compare(last_, id.size(), id) == 0;
  }

  std::string text_;
  std::uint64_t last_ = 0;  // where the last document begins

 public:
  static constexpr auto fields = std::tuple{&Postings::text_, &Postings::last_};
};

}  // namespace millrace::jobs
