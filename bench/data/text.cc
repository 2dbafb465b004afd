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

std::string read_all(const std::string& list) {
  std::ifstream paths(list);
  std::string all;
  for (std::string path; std::getline(paths, path);) {
    const std::string content = unpack(path);
    if (content.find('\0') != std::string::npos) continue;
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
  while (out.written() + 1 < bytes) {
    shuffle(parts, random);
    for (std::string_view part : parts) {
      const std::uint64_t room = bytes - 1 - out.written();
      if (room == 0) break;
      out << part.substr(0, std::min<std::uint64_t>(room, part.size()));
    }
  }
  out << '\n';
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
