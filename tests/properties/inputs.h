#pragma once

#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::properties {

using Random = std::mt19937_64;

/// The kinds of input that every property is tried on, in turn.
enum class Flavour : std::uint8_t {
  small,       ///< small enough for tasks of one byte each
  heavy_key,   ///< one word is nine tenths of all
  huge_keys,   ///< some words are of a megabyte
  many_files,  ///< some of them empty
};

/// Makes words with NUL bytes and invalid UTF-8 among them; never with ASCII white space.
class Words {
 public:
  Words(Random& random, Flavour flavour);
  const std::string& next();

 private:
  Random& random_;
  const Flavour flavour_;
  std::vector<std::string> vocabulary_;
};

/// Files of lines that `line` makes, which holds no newline. Lines end with LF or, in some files, with CRLF; the last
/// one of a file may lack it; some files are empty.
std::vector<std::string> files_of(Random& random, Flavour flavour, const std::function<std::string()>& line);

/// Some words with white space of all kinds around them.
std::string words_line(Random& random, Words& words);

// Plain readings of an input, for the models.
std::vector<std::string> lines_of(const std::vector<std::string>& files);
std::vector<std::string> words_of(std::string_view text);

}  // namespace millrace::properties
