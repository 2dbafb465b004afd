#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace millrace::jobs {

/// The different words of one document, and where each occurs. Meant to be used again for document after document, so
/// that its tables stay allocated. Views into the document; one thread.
class Occurrences {
 public:
  static constexpr std::uint32_t none = 0;

  struct Word {
    std::string_view text;
    std::uint32_t first;  ///< position of its first occurrence, from 1
    std::uint32_t last;
  };

  void clear() {
    if (words_.size() * 8 < slots_.size())
      slots_.assign(1024, none);
    else
      std::fill(slots_.begin(), slots_.end(), none);
    words_.clear();
    next_.assign(1, none);
  }

  /// The next word of the document.
  void add(std::string_view text) {
    if ((words_.size() + 1) * 2 > slots_.size()) grow();
    const auto position = static_cast<std::uint32_t>(next_.size());
    next_.push_back(none);
    std::uint32_t& slot = slot_of(text);
    if (slot == none) {
      words_.push_back({text, position, position});
      slot = static_cast<std::uint32_t>(words_.size());
    } else {
      Word& word = words_[slot - 1];
      next_[word.last] = position;
      word.last = position;
    }
  }

  const std::vector<Word>& words() const { return words_; }
  /// The occurrence after the one at `position`, or none.
  std::uint32_t next(std::uint32_t position) const { return next_[position]; }

 private:
  std::uint32_t& slot_of(std::string_view text) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = std::hash<std::string_view>{}(text)&mask;
    while (slots_[at] != none && words_[slots_[at] - 1].text != text) at = (at + 1) & mask;
    return slots_[at];
  }
  void grow() {
    slots_.assign(slots_.size() * 2, none);
    for (std::uint32_t i = 0; i < words_.size(); ++i) slot_of(words_[i].text) = i + 1;
  }

  std::vector<Word> words_;
  std::vector<std::uint32_t> slots_ = std::vector<std::uint32_t>(1024, none);  // number of the word + 1; a power of two
  std::vector<std::uint32_t> next_;                                            // by position
};

}  // namespace millrace::jobs
