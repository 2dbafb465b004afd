#include <algorithm>
#include <cstring>
#include <fstream>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>
#include <zlib.h>

#include "generate.h"
#include "output.h"
#include "random.h"

namespace bench {
namespace {

std::string unpack(const std::string& path) {
  std::string content;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) {
    std::perror(path.c_str());
    std::exit(1);
  }
  char buffer[1 << 16];
  int got;
  while ((got = gzread(file, buffer, sizeof buffer)) > 0) content.append(buffer, static_cast<std::size_t>(got));
  gzclose(file);
  return content;
}

// How many bytes of well-formed UTF-8 stand at `at`, as far as its first two bytes tell the shape; 0 when there are
// none.
std::size_t character_size(const unsigned char* at, const unsigned char* end) {
  const unsigned char lead = *at;
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || static_cast<std::size_t>(end - at) < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((at[i] & 0xc0) != 0x80) return 0;
  }
  const unsigned char next = at[1];
  const bool overlong = (lead == 0xe0 && next < 0xa0) || (lead == 0xf0 && next < 0x90);
  const bool outside = (lead == 0xed && next > 0x9f) || (lead == 0xf4 && next > 0x8f);
  return overlong || outside ? 0 : size;
}

// Puts question marks for what is not UTF-8 and for control characters, and spaces for carriage returns, form feeds and
// vertical tabs: some of the programs that the text is for read only UTF-8, or take these for ends of lines or parts of
// words.
void clean(std::string& text) {
  auto* at = reinterpret_cast<unsigned char*>(text.data());
  const unsigned char* end = at + text.size();
  while (at < end) {
    const std::size_t size = character_size(at, end);
    if (size == 0 || *at < '\t' || (*at > '\r' && *at < ' ') || *at == 0x7f) *at = '?';
    if (*at >= '\v' && *at <= '\r') *at = ' ';
    at += size == 0 ? 1 : size;
  }
}

std::string read_all(const std::string& list) {
  std::ifstream paths(list);
  std::string all;
  for (std::string path; std::getline(paths, path);) {
    std::string content = unpack(path);
    if (content.find('\0') != std::string::npos) continue;
    clean(content);
    all += content;
    if (!all.empty() && all.back() != '\n') all += '\n';
    all += '\n';
  }
  if (all.empty()) {
    std::fprintf(stderr, "bench_generate: %s names no text\n", list.c_str());
    std::exit(1);
  }
  return all;
}

// Whole paragraphs of at least `target` bytes together; every block ends in a newline.
std::vector<std::string_view> blocks(std::string_view text, std::size_t target) {
  std::vector<std::string_view> result;
  while (!text.empty()) {
    std::size_t end = text.size();
    if (end > target) {
      const std::size_t paragraph = text.find("\n\n", target);
      end = paragraph == std::string_view::npos ? text.size() : paragraph + 2;
    }
    result.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return result;
}

void shuffle(std::vector<std::string_view>& items, Random& random) {
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.below(i)]);
}

}  // namespace

void generate_text(const std::string& list, const std::string& output, std::uint64_t bytes, std::uint64_t seed) {
  const std::string all = read_all(list);
  std::vector<std::string_view> parts = blocks(all, 2048);
  Random random(seed);
  Output out(output);
  while (out.written() < bytes) {
    shuffle(parts, random);
    for (std::string_view part : parts) {
      const std::uint64_t room = bytes - out.written();
      if (room == 0) break;
      if (part.size() > room) part = part.substr(0, part.rfind('\n', room - 1) + 1);
      out << part;
      if (part.empty()) break;
    }
    // Less than a line is missing: newlines fill it.
    if (bytes - out.written() < 4096) out << std::string(bytes - out.written(), '\n');
  }
}

void generate_documents(const std::string& list, const std::string& output, std::uint64_t bytes, std::uint64_t seed) {
  const std::string all = read_all(list);
  std::vector<std::string_view> parts = blocks(all, 4096);
  Random random(seed);
  Output out(output);
  std::string line;
  for (std::uint64_t id = 0; out.written() < bytes;) {
    shuffle(parts, random);
    for (std::string_view part : parts) {
      if (out.written() >= bytes) break;
      char name[16];
      std::snprintf(name, sizeof name, "doc%07llu", static_cast<unsigned long long>(id++));
      line.assign(name).append(1, '\t').append(part);
      const auto is_break = [](char c) { return c == '\n' || c == '\t' || c == '\r'; };
      std::replace_if(line.begin() + static_cast<std::ptrdiff_t>(std::strlen(name)) + 1, line.end(), is_break, ' ');
      out << line << '\n';
    }
  }
}

}  // namespace bench
