#include "tests/properties/inputs.h"

#include <cstdint>

namespace millrace::properties {
namespace {

std::uint64_t below(Random& random, std::uint64_t bound) { return random() % bound; }

constexpr std::string_view white_space = " \t\n\v\f\r";

std::string some_word(Random& random) {
  static constexpr std::string_view letters("aabbccdeXYZ019.,:\"'\\-_\0\x01\x1c\x7f\x80\xbf\xc3\xed\xa0\xff", 32);
  std::string word;
  for (std::uint64_t i = 0, length = 1 + below(random, 1 + below(random, 24)); i < length; ++i) {
    word += letters[below(random, letters.size())];
  }
  return word;
}

}  // namespace

Words::Words(Random& random, Flavour flavour) : random_(random), flavour_(flavour) {
  for (int i = 0; i < 60; ++i) vocabulary_.push_back(some_word(random));
  if (flavour != Flavour::huge_keys) return;
  for (int i = 0; i < 2; ++i) {
    // Alike but for their ends, so that no prefix tells them apart.
    vocabulary_.push_back(std::string((std::size_t{1} << 20) - 1 + below(random, 3), 'k') + some_word(random));
  }
}

const std::string& Words::next() {
  if (flavour_ == Flavour::heavy_key && below(random_, 10) != 0) return vocabulary_.front();
  if (flavour_ == Flavour::huge_keys && below(random_, 200) == 0) {
    return vocabulary_[vocabulary_.size() - 1 - below(random_, 2)];
  }
  return vocabulary_[below(random_, 60)];
}

std::vector<std::string> files_of(Random& random, Flavour flavour, const std::function<std::string()>& line) {
  const std::uint64_t count = flavour == Flavour::many_files ? 40 : 1 + below(random, 3);
  const std::uint64_t most_lines = flavour == Flavour::small ? 40 : flavour == Flavour::many_files ? 30 : 700;
  std::vector<std::string> files;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string& file = files.emplace_back();
    const bool empty = i != 0 && below(random, 4) == 0;
    const std::string ending = below(random, 3) == 0 ? "\r\n" : "\n";
    for (std::uint64_t n = empty ? 0 : 1 + below(random, most_lines); n != 0; --n) file += line() + ending;
    if (!file.empty() && below(random, 2) == 0) file.resize(file.size() - ending.size());
  }
  return files;
}

std::string words_line(Random& random, Words& words) {
  static constexpr std::string_view gaps[] = {" ", " ", " ", "\t", "  ", "\r", "\v", "\f ", " \t"};
  std::string line;
  for (std::uint64_t n = below(random, 12); n != 0; --n) {
    if (below(random, 6) == 0) line += gaps[below(random, std::size(gaps))];
    line += words.next();
    line += gaps[below(random, std::size(gaps))];
  }
  return line;
}

std::vector<std::string> lines_of(const std::vector<std::string>& files) {
  std::vector<std::string> lines;
  for (const std::string& file : files) {
    for (std::size_t begin = 0; begin < file.size();) {
      const std::size_t end = std::min(file.find('\n', begin), file.size());
      lines.push_back(file.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return lines;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; (begin = text.find_first_not_of(white_space, begin)) != text.npos;) {
    const std::size_t end = std::min(text.find_first_of(white_space, begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

}  // namespace millrace::properties
