#include "jobs/grep/line_matcher.h"

#if !defined(__x86_64__)
namespace millrace::jobs {
std::unique_ptr<LineMatcher> make_literal_matcher(const Pattern&) { return nullptr; }
}  // namespace millrace::jobs
#else

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <immintrin.h>
#include <utility>

namespace millrace::jobs {
namespace {

/// Two bytes of a text that is looked for, and where in it they are.
struct Probe {
  std::size_t first = 0;
  std::size_t second = 0;
  char first_byte = 0;
  char second_byte = 0;

  bool at(const char* place) const { return place[first] == first_byte && place[second] == second_byte; }
};

/// The first place of [from, to) where the probe's bytes are, or `to`. Reads no byte behind to - 1 + the later offset.
using FindProbe = const char* (*)(const char* from, const char* to, const Probe& probe);

const char* find_probe_in_rest(const char* from, const char* to, const Probe& probe) {
  while (from != to && !probe.at(from)) ++from;
  return from;
}

__attribute__((target("avx2"))) const char* find_probe_avx2(const char* from, const char* to, const Probe& probe) {
  const __m256i first = _mm256_set1_epi8(probe.first_byte);
  const __m256i second = _mm256_set1_epi8(probe.second_byte);
  for (; to - from >= 32; from += 32) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + probe.first));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + probe.second));
    const auto places = static_cast<std::uint32_t>(
        _mm256_movemask_epi8(_mm256_and_si256(_mm256_cmpeq_epi8(a, first), _mm256_cmpeq_epi8(b, second))));
    if (places != 0) return from + __builtin_ctz(places);
  }
  return find_probe_in_rest(from, to, probe);
}

__attribute__((target("avx512bw"))) const char* find_probe_avx512(const char* from, const char* to,
                                                                  const Probe& probe) {
  const __m512i first = _mm512_set1_epi8(probe.first_byte);
  const __m512i second = _mm512_set1_epi8(probe.second_byte);
  for (; to - from >= 64; from += 64) {
    const std::uint64_t places =
        _mm512_mask_cmpeq_epi8_mask(_mm512_cmpeq_epi8_mask(_mm512_loadu_si512(from + probe.first), first),
                                    _mm512_loadu_si512(from + probe.second), second);
    if (places != 0) return from + __builtin_ctzll(places);
  }
  return find_probe_in_rest(from, to, probe);
}

/// Null when the processor has nothing wide enough to be worth it.
FindProbe choose_find_probe() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512bw")) return find_probe_avx512;
  if (__builtin_cpu_supports("avx2")) return find_probe_avx2;
  return nullptr;
}

/// How often a byte may be expected in text and logs, as a rank; 0 for all that are rare.
std::size_t frequency(char byte) {
  constexpr std::string_view rising =
      "ZQXJKVWYqzjGUNOFHBDMLRPEISCATx(){}[];:\"'!?=+*\\kvKbwyfpg9876543_ -,/.2duhclmrs1nioat0e";
  const std::size_t rank = rising.find(byte);
  return rank == rising.npos ? 0 : rank + 1;
}

/// The two rarest bytes of `text`, which has one at least.
Probe probe_of(std::string_view text) {
  const auto rarest = [text](std::size_t other) {
    std::size_t best = other == 0 && text.size() > 1 ? 1 : 0;
    for (std::size_t i = best; i < text.size(); ++i)
      if (i != other && frequency(text[i]) < frequency(text[best])) best = i;
    return best;
  };
  const std::size_t first = rarest(text.size());
  const std::size_t second = rarest(first);
  return {first, second, text[first], text[second]};
}

/// Compares the two rarest bytes of the text at many places at once, and all of it where both are.
class LiteralMatcher : public LineMatcher {
 public:
  LiteralMatcher(std::string text, FindProbe find) : text_(std::move(text)), probe_(probe_of(text_)), find_(find) {}

  void matching_lines(std::string_view text, const std::function<void(std::string_view)>& visit) const override {
    if (text.size() < text_.size()) return;
    const char* const end = text.data() + text.size();
    const char* const stop = end - text_.size() + 1;
    const char* line_begin = text.data();  // no line before it is of interest
    for (const char* at = find_(line_begin, stop, probe_); at != stop; at = find_(at, stop, probe_)) {
      if (std::memcmp(at, text_.data(), text_.size()) != 0) {
        ++at;
        continue;
      }
      const void* before = memrchr(line_begin, '\n', static_cast<std::size_t>(at - line_begin));
      const char* const begin = before == nullptr ? line_begin : static_cast<const char*>(before) + 1;
      const void* newline = std::memchr(at, '\n', static_cast<std::size_t>(end - at));
      const char* const line_end = newline == nullptr ? end : static_cast<const char*>(newline);
      visit({begin, static_cast<std::size_t>(line_end - begin)});
      if (line_end >= stop) return;
      at = line_begin = line_end + 1;
    }
  }

 private:
  const std::string text_;
  const Probe probe_;
  const FindProbe find_;
};

}  // namespace

std::unique_ptr<LineMatcher> make_literal_matcher(const Pattern& pattern) {
  static const FindProbe find = choose_find_probe();
  const bool one_text = pattern.fixed && !pattern.text.empty() && pattern.text.find('\n') == pattern.text.npos;
  if (find == nullptr || !one_text || pattern.fold_case) return nullptr;
  return std::make_unique<LiteralMatcher>(pattern.text, find);
}

}  // namespace millrace::jobs
#endif
