#pragma once

#include <string>
#include <tuple>
#include <vector>

#include <millrace/millrace.h>

namespace millrace::jobs {

/// (url, requests, percent of all requests with four decimals).
using UrlShare = std::tuple<std::string_view, std::uint64_t, std::string_view>;

/// The URL that a line of an access log (common or combined format) asks for: the second word of its first quoted
/// field. Throws Error(bad_data) for a line without one.
std::string_view requested_url(std::string_view line);

/// How often each URL is asked for, sorted by URL. Two chained jobs: the counts, then the share of their sum; the
/// counts stay in memory between them.
Dataset<UrlShare> url_shares(Context& context, const std::vector<std::string>& inputs);

}  // namespace millrace::jobs
