#include "dataset/host_list.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <utility>

#include <millrace/error.h>

namespace millrace::dataset {
namespace {

constexpr unsigned most_executors = 1024;

using Counts = std::vector<std::pair<std::string, unsigned>>;

[[noreturn]] void refuse(const std::string& word, const std::string& why) {
  throw Error(Cause::usage, "'" + word + "' " + why + "; write a host as ssh takes it, with :N for N executors there");
}

// What ssh would take for an option, or a shell for something else, is no name.
bool is_name(const std::string& name) {
  return !name.empty() && name.front() != '-' && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::strchr("._-@%+", c) != nullptr;
  });
}

void add_host(Counts& counts, const std::string& word) {
  const std::size_t colon = word.find(':');
  const std::string name = word.substr(0, colon);
  unsigned count = 1;
  if (colon != std::string::npos) {
    const char* end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data() + colon + 1, end, count);
    if (error != std::errc{} || stop != end || count == 0) refuse(word, "has no number of executors behind its colon");
  }
  if (!is_name(name)) refuse(word, "does not name a host");
  const auto known = std::find_if(counts.begin(), counts.end(), [&](const auto& each) { return each.first == name; });
  if (known == counts.end()) {
    counts.emplace_back(name, count);
  } else {
    known->second += count;
  }
}

enum class Files : bool { refused, read };
void add_list(Counts& counts, const std::string& text, Files files);

void add_file(Counts& counts, const std::string& path) {
  errno = 0;
  std::ifstream file(path);
  if (!file) throw Error(Cause::usage, "cannot read the hosts in '" + path + "': " + std::strerror(errno));
  for (std::string line; std::getline(file, line);) {
    line.resize(std::min(line.find('#'), line.size()));
    std::replace_if(
        line.begin(), line.end(), [](unsigned char c) { return std::isspace(c) != 0; }, ',');
    add_list(counts, line, Files::refused);
  }
  if (file.bad()) throw Error(Cause::usage, "cannot read the hosts in '" + path + "': " + std::strerror(errno));
}

void add_list(Counts& counts, const std::string& text, Files files) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    begin = end + 1;
    if (word.empty()) continue;
    if (word.front() == '@') {
      if (files == Files::refused) refuse(word, "is inside of a file that lists hosts");
      add_file(counts, word.substr(1));
    } else {
      add_host(counts, word);
    }
  }
}

}  // namespace

std::vector<std::string> parse_hosts(const std::string& text) {
  Counts counts;
  add_list(counts, text, Files::read);
  std::vector<std::string> names;
  for (const auto& [name, count] : counts) {
    if (count > most_executors || names.size() + count > most_executors) {
      throw Error(Cause::usage, "these are more executors than " + std::to_string(most_executors));
    }
    names.insert(names.end(), count, name);
  }
  if (names.empty() && !text.empty()) throw Error(Cause::usage, "'" + text + "' names no host");
  return names;
}

}  // namespace millrace::dataset
