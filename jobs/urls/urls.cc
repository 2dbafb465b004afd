#include "jobs/urls/urls.h"

#include <array>
#include <cstdio>
#include <functional>

namespace millrace::jobs {

std::string_view requested_url(std::string_view line) {
  const std::size_t quote = line.find('"');
  const std::size_t begin = quote == line.npos ? quote : line.find(' ', quote + 1);
  if (begin == line.npos) throw Error(Cause::bad_data, "no quoted request such as \"GET /index.html HTTP/1.1\"");
  return line.substr(begin + 1, line.find_first_of(" \"", begin + 1) - begin - 1);
}

Dataset<UrlShare> url_shares(Context& context, const std::vector<std::string>& inputs) {
  auto counts = context.read_text(inputs)
                    .map([](std::string_view line) { return std::pair(requested_url(line), std::uint64_t{1}); })
                    .reduce_by_key(std::plus<>{})
                    .cache();
  const auto total = static_cast<double>(counts.values().sum());
  return counts.sort_by_key().flat_map<UrlShare>([total](const auto& counted, auto& emit) {
    std::array<char, 32> percent;
    const int length =
        std::snprintf(percent.data(), percent.size(), "%.4f", 100 * static_cast<double>(counted.second) / total);
    emit(UrlShare{counted.first, counted.second, {percent.data(), static_cast<std::size_t>(length)}});
  });
}

}  // namespace millrace::jobs
