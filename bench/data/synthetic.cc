#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "generate.h"
#include "output.h"
#include "random.h"

namespace bench {
namespace {

constexpr std::array<const char*, 16> kSections = {"news", "shop",  "blog", "img",    "api",  "docs", "user", "forum",
                                                   "wiki", "media", "help", "search", "tags", "feed", "map",  "data"};

std::string url_of(std::uint64_t id) {
  // A permutation by multiplication with an odd number keeps popularity and spelling apart.
  const std::uint64_t mixed = (id * 2654435761ULL) & 0xffffffffULL;
  return std::string("/") + kSections[mixed % kSections.size()] + "/" + std::to_string(mixed);
}

std::string page_of(std::uint64_t id) {
  const std::uint64_t mixed = (id * 2654435761ULL) & 0xffffffffULL;
  return "www.site" + std::to_string(mixed % 10007) + ".org/" + std::to_string(mixed);
}

}  // namespace

void generate_records(const std::string& output, std::uint64_t count, std::uint64_t seed) {
  Random random(seed);
  Output out(output);
  char record[101];
  for (std::uint64_t row = 0; row < count; ++row) {
    for (int i = 0; i < 10; ++i) record[i] = static_cast<char>(' ' + random.below(95));
    std::snprintf(record + 10, 37, "  %032llX  ", static_cast<unsigned long long>(row));
    for (int i = 46; i < 99; ++i) record[i] = static_cast<char>('A' + (row + static_cast<std::uint64_t>(i) / 4) % 26);
    record[99] = '\n';
    out << std::string_view(record, 100);
  }
}

void generate_distinct(const std::string& output, std::uint64_t bytes, std::uint64_t seed) {
  constexpr std::string_view digits = "abcdefghijklmnopqrstuvwxyzABCDEF";
  Output out(output);
  for (std::uint64_t row = seed; out.written() < bytes; ++row) {
    // An invertible mixing of 50 bits: different rows give different words.
    constexpr std::uint64_t mask = (1ULL << 50) - 1;
    std::uint64_t mixed = (row * 0x9e3779b97f4a7c15ULL) & mask;
    mixed ^= mixed >> 25;
    mixed = (mixed * 0xd1b54a32d192ed03ULL) & mask;
    char word[11];
    for (int i = 0; i < 10; ++i) word[i] = digits[mixed >> (5 * i) & 31];
    word[10] = '\n';
    out << std::string_view(word, 11);
  }
}

void generate_logs(const std::string& output, std::uint64_t count, std::uint64_t urls, std::uint64_t seed) {
  Random random(seed);
  const Zipf zipf(urls, 1.0);
  std::vector<std::string> names;
  for (std::uint64_t i = 0; i < urls; ++i) names.push_back(url_of(i));
  constexpr std::array<const char*, 4> methods = {"GET", "GET", "GET", "POST"};
  constexpr std::array<int, 6> statuses = {200, 200, 200, 304, 404, 500};
  constexpr std::array<const char*, 4> agents = {"-", "Mozilla/5.0", "curl/8.5.0", "bot"};
  Output out(output);
  char head[96];
  char tail[96];
  for (std::uint64_t line = 0; line < count; ++line) {
    const std::time_t when = static_cast<std::time_t>(1735689600 + line * 2592000 / count);
    std::tm utc{};
    gmtime_r(&when, &utc);
    char stamp[32];
    std::strftime(stamp, sizeof stamp, "%d/%b/%Y:%H:%M:%S +0000", &utc);
    const std::uint64_t ip = random.next();
    std::snprintf(head, sizeof head, "%u.%u.%u.%u - - [%s] \"%s ", unsigned(ip & 255), unsigned(ip >> 8 & 255),
                  unsigned(ip >> 16 & 255), unsigned(ip >> 24 & 255), stamp, methods[random.below(methods.size())]);
    std::snprintf(tail, sizeof tail, " HTTP/1.1\" %d %u \"-\" \"%s\"\n", statuses[random.below(statuses.size())],
                  unsigned(random.below(50000)), agents[random.below(agents.size())]);
    out << head << names[zipf.draw(random)] << tail;
  }
}

void generate_edges(const std::string& output, std::uint64_t bytes, std::uint64_t seed) {
  Random random(seed);
  const std::uint64_t pages = std::max<std::uint64_t>(bytes / 400, 1000);
  const Zipf zipf(pages, 0.9);
  Output out(output);
  std::vector<std::uint64_t> targets;
  for (std::uint64_t source = 0; out.written() < bytes; ++source) {
    targets.clear();
    for (std::uint64_t degree = 1 + random.below(15); degree > 0; --degree) targets.push_back(zipf.draw(random));
    const std::string name = page_of(source + pages / 2);
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const auto here = targets.begin() + static_cast<std::ptrdiff_t>(i);
      if (std::find(targets.begin(), here, targets[i]) != here) continue;
      out << name << '\t' << page_of(targets[i]) << '\n';
    }
  }
}

void generate_join(const std::string& left, const std::string& right, std::uint64_t left_rows, std::uint64_t right_rows,
                   std::uint64_t seed) {
  Random random(seed);
  {
    Output out(left);
    for (std::uint64_t i = 0; i < left_rows; ++i) {
      char rest[64];
      std::snprintf(rest, sizeof rest, "\t%u.%02u\t2025-%02u-%02u\n", unsigned(random.below(10000)),
                    unsigned(random.below(100)), unsigned(1 + random.below(12)), unsigned(1 + random.below(28)));
      out << 1 + random.below(right_rows + right_rows / 10) << rest;
    }
  }
  std::vector<std::uint32_t> keys(right_rows);
  for (std::uint64_t i = 0; i < right_rows; ++i) keys[i] = static_cast<std::uint32_t>(i + 1);
  for (std::uint64_t i = right_rows; i > 1; --i) std::swap(keys[i - 1], keys[random.below(i)]);
  Output out(right);
  for (std::uint32_t key : keys) {
    out << std::uint64_t{key} << "\tcustomer" << random.below(100000000) << '\t' << kSections[random.below(16)] << '\n';
  }
}

void generate_points(const std::string& output, std::uint64_t count, std::uint64_t seed) {
  constexpr std::array<double, 10> weights = {0.8, -1.2, 0.3, 2.0, -0.5, 0.0, 1.1, -0.7, 0.4, -1.5};
  Random random(seed);
  Output out(output);
  char number[32];
  for (std::uint64_t i = 0; i < count; ++i) {
    double dot = 0;
    for (double weight : weights) {
      const double x = random.normal();
      dot += weight * x;
      out << std::string_view(number, static_cast<std::size_t>(std::snprintf(number, sizeof number, "%.6f,", x)));
    }
    out << (random.unit() < 1 / (1 + std::exp(-dot)) ? '1' : '0') << '\n';
  }
}

}  // namespace bench
