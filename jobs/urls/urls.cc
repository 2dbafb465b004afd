#include "jobs/urls/urls.h"

#include <array>
#include <charconv>
#include <cstring>
#include <functional>

namespace millrace::jobs {

std::string_view requested_url(std::string_view line) {
  const char* const end = line.data() + line.size();
  const auto find = [](const char* from, const char* to, char c) {
    return static_cast<const char*>(std::memchr(from, c, static_cast<std::size_t>(to - from)));
  };
  const char* const quote = find(line.data(), end, '"');
  const char* const space = quote == nullptr ? nullptr : find(quote + 1, end, ' ');
  if (space == nullptr) throw Error(Cause::bad_data, "no quoted request such as \"GET /index.html HTTP/1.1\"");
  const char* const url = space + 1;
  const char* stop = find(url, end, ' ');
  if (stop == nullptr) stop = end;
  if (const char* closing = find(url, stop, '"'); closing != nullptr) stop = closing;
  return {url, static_cast<std::size_t>(stop - url)};
}

Dataset<UrlShare> url_shares(Context& context, const std::vector<std::string>& inputs) {
  auto counts = context.read_text(inputs)
                    .map([](std::string_view line) { return std::pair(requested_url(line), std::uint64_t{1}); })
                    .reduce_by_key(std::plus<>{})
                    .cache();
  const auto total = static_cast<double>(counts.values().sum());
  return counts.sort_by_key().flat_map<UrlShare>([total](const auto& counted, auto& emit) {
    std::array<char, 32> percent;
    const double share = 100 * static_cast<double>(counted.second) / total;
    const char* end = std::to_chars(percent.begin(), percent.end(), share, std::chars_format::fixed, 4).ptr;
    emit(UrlShare{counted.first, counted.second, {percent.data(), static_cast<std::size_t>(end - percent.data())}});
  });
}

}  // namespace millrace::jobs
