#include "jobs/index/postings.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "jobs/index/document_id.h"

namespace millrace::jobs {
namespace {

std::string_view id_of(std::string_view document) { return document.substr(0, document.find('\t')); }

/// Whether the documents' ids rise from line to line.
bool is_in_order(std::string_view text) {
  std::string_view earlier;
  for (bool first = true; !text.empty(); first = false) {
    const std::size_t end = text.find('\n');
    const std::string_view id = id_of(text.substr(0, end));
    if (!first && !comes_before(earlier, id)) return false;
    earlier = id;
    text.remove_prefix(end + 1);
  }
  return true;
}

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

}  // namespace

std::string Postings::list() const {
  std::string list = is_in_order(text_) ? text_ : merged(text_);
  if (!list.empty()) list.pop_back();
  std::replace(list.begin(), list.end(), '\n', ',');
  std::replace(list.begin(), list.end(), '\t', ':');
  return list;
}

}  // namespace millrace::jobs
