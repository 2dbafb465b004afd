#include "jobs/index/postings.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "jobs/index/document_id.h"

namespace millrace::jobs {
namespace {

std::string_view id_of(std::string_view document) { return document.substr(0, document.find('\t')); }

/// The lines of a text, without their newlines.
std::vector<std::string_view> documents_of(std::string_view text) {
  std::vector<std::string_view> documents;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    documents.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return documents;
}

/// Adds the positions of a document, which are numbers, each behind a tab.
void add_positions(std::string_view document, std::vector<std::uint64_t>& positions) {
  for (std::size_t at = document.find('\t'); at < document.size();) {
    const char* const begin = document.data() + at + 1;
    std::uint64_t position = 0;
    at = static_cast<std::size_t>(std::from_chars(begin, document.data() + document.size(), position).ptr -
                                  document.data());
    positions.push_back(position);
  }
}

/// Appends one document that several lines speak of.
void append_merged(std::string& out, const std::string_view* begin, const std::string_view* end) {
  std::vector<std::uint64_t> positions;
  for (const auto* document = begin; document != end; ++document) add_positions(*document, positions);
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  out.append(id_of(*begin));
  for (const std::uint64_t position : positions) out.append(1, '\t').append(std::to_string(position));
  out += '\n';
}

/// The same documents in order, each in one line.
std::string merged(std::string_view text) {
  std::vector<std::string_view> documents = documents_of(text);
  std::stable_sort(documents.begin(), documents.end(),
                   [](std::string_view a, std::string_view b) { return comes_before(id_of(a), id_of(b)); });
  std::string merged;
  const std::string_view* const end = documents.data() + documents.size();
  for (const std::string_view* first = documents.data(); first != end;) {
    const std::string_view* last = first + 1;
    while (last != end && id_of(*first) == id_of(*last)) ++last;
    append_merged(merged, first, last);
    first = last;
  }
  return merged;
}

/// Adds to the number that an id ends with. True when that needed another digit.
bool add_to_digits(std::string& id, std::uint64_t number) {
  std::size_t at = id.size();
  for (; number != 0; number /= 10) {
    if (at == 0 || id[at - 1] < '0' || id[at - 1] > '9') {
      id.insert(at, std::to_string(number));
      return true;
    }
    number += static_cast<std::uint64_t>(id[--at] - '0');
    id[at] = static_cast<char>('0' + number % 10);
  }
  return false;
}

}  // namespace

/// Reads what was put into postings.
class Postings::Tokens {
 public:
  explicit Tokens(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}
  bool next() {
    if (at_ == end_) return false;
    std::uint64_t number = take();
    is_position = (number & at_position) == at_position;
    in_series = false;
    if (is_position) {
      position = number >> 2;
    } else if ((number & named) != 0) {
      next_id.replace(1, next_id.npos, at_, number >> 2);
      at_ += number >> 2;
    } else {
      in_series = !add_to_digits(next_id, number >> 1);
    }
    return true;
  }
  std::string_view id() const { return std::string_view(next_id).substr(1); }

  bool is_position = false;
  bool in_series = false;  ///< this document comes behind the one before, and its id is as long
  std::uint64_t position = 0;
  std::string next_id = ",";  ///< the id behind a comma

 private:
  std::uint64_t take() {
    std::uint64_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(*at_++);
      number |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return number;
    }
  }

  const char* at_;
  const char* end_;
};

void Postings::add_document(std::string_view id, std::uint64_t mark) {
  constexpr unsigned bits = DocumentMarks::value_bits;
  if (mark >> bits == last_ >> bits && mark > last_) {
    put((mark - last_) << 1);
  } else {
    put(id.size() << 2 | named);
    tokens_ += id;
  }
  last_ = mark;
}

std::string Postings::list() const {
  std::string list;
  if (list_as_they_come(list)) return list;
  list = merged(lines());
  list.pop_back();
  std::replace(list.begin(), list.end(), '\n', ',');
  std::replace(list.begin(), list.end(), '\t', ':');
  return list;
}

/// False when ids or positions do not rise: then what is in the list means nothing.
bool Postings::list_as_they_come(std::string& list) const {
  Tokens tokens(tokens_);
  std::uint64_t position = 0;
  std::size_t last_size = 0;  // of the last id, which the list ends with but for its positions
  std::size_t last_end = 0;
  for (bool first = true; tokens.next(); first = false) {
    if (tokens.is_position) {
      if (tokens.position <= position) return false;
      position = tokens.position;
      list.append(1, ':').append(std::to_string(position));
      continue;
    }
    if (first) {
      list.reserve(numbers() * tokens.next_id.size());
      list += tokens.id();
    } else {
      const auto last = std::string_view(list).substr(last_end - last_size, last_size);
      if (!tokens.in_series && !comes_before(last, tokens.id())) return false;
      list += tokens.next_id;
    }
    position = 0;
    last_size = tokens.id().size();
    last_end = list.size();
  }
  return true;
}

/// How many numbers there are, and bytes of names: what the list is long for without growing, in nearly all cases.
std::size_t Postings::numbers() const {
  return static_cast<std::size_t>(
      std::count_if(tokens_.begin(), tokens_.end(), [](char c) { return static_cast<std::uint8_t>(c) < 0x80; }));
}

/// Lines `id` or `id<TAB>position<TAB>position…`. An id has neither tabs nor newlines.
std::string Postings::lines() const {
  std::string lines;
  for (Tokens tokens(tokens_); tokens.next(); lines += '\n') {
    if (tokens.is_position) {
      lines.back() = '\t';
      lines += std::to_string(tokens.position);
    } else {
      lines += tokens.id();
    }
  }
  return lines;
}

}  // namespace millrace::jobs
