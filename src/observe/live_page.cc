#include "observe/live_page.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <string_view>
#include <sys/random.h>
#include <utility>
#include <variant>

#include <millrace/error.h>

#include "observe/metrics.h"
#include "observe/page_data.h"
#include "observe/report_html.h"

namespace millrace::observe {
namespace {

constexpr std::chrono::milliseconds between_answers{500};
constexpr std::chrono::milliseconds most_farewell{500};

std::string random_token() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<::ssize_t>(bytes.size()))
    throw Error(Cause::internal, fmt::format("no random bytes for the page's token: {}", std::strerror(errno)));
  std::string token;
  for (const unsigned char byte : bytes) token += fmt::format("{:02x}", byte);
  return token;
}

// In a time that does not tell how much of it was right.
bool same_secret(std::string_view left, std::string_view right) {
  unsigned difference = left.size() == right.size() ? 0 : 1;
  for (std::size_t i = 0; i < left.size() && i < right.size(); ++i) {
    difference |= static_cast<unsigned char>(left[i]) ^ static_cast<unsigned char>(right[i]);
  }
  return difference == 0;
}

}  // namespace

LivePage::LivePage(std::uint16_t port, std::string token)
    : token_(token.empty() ? random_token() : std::move(token)),
      server_(port, [this](const HttpRequest& request) { return answer(request); }) {}

LivePage::~LivePage() {
  std::unique_lock lock(mutex_);
  over_ = true;
  server_.wake();
  told_.wait_for(lock, most_farewell, [this] { return !page_open_; });
}

std::string LivePage::address() const { return fmt::format("http://127.0.0.1:{}/{}/", server_.port(), token_); }

std::optional<HttpResponse> LivePage::answer(const HttpRequest& request) {
  constexpr std::string_view bearer = "Bearer ";
  std::string_view path = request.path;
  std::string_view token;
  if (request.authorization.starts_with(bearer)) {
    token = std::string_view(request.authorization).substr(bearer.size());
  } else {
    path.remove_prefix(1);
    token = path.substr(0, path.find('/'));
    path.remove_prefix(token.size());
  }
  if (!same_secret(token, token_))
    return HttpResponse{403, "text/plain; charset=utf-8", "the address needs the token that the run printed\n"};
  if (path == "/data") return data(request);
  if (path == "/") return HttpResponse{200, "text/html; charset=utf-8", live_html()};
  if (path == "/metrics") {
    std::unique_lock lock(mutex_);
    const Metrics metrics = metrics_of(model_);
    lock.unlock();
    return HttpResponse{200, metrics_type, metrics_text(metrics)};
  }
  return HttpResponse{404, "text/plain; charset=utf-8", "there is a page at /TOKEN/ and there are /TOKEN/metrics\n"};
}

std::optional<HttpResponse> LivePage::data(const HttpRequest& request) {
  constexpr std::string_view after = "after=";
  const std::string_view query = request.query;
  const PageCursor cursor = query.starts_with(after) ? PageCursor::from(query.substr(after.size())) : PageCursor{};
  std::unique_lock lock(mutex_);
  page_open_ = true;
  const bool over = over_ || model_.end().has_value();
  if (cursor.revision != 0 && request.waited < between_answers && !over) return std::nullopt;
  const PageUpdate update = page_update(model_, timeline_, cursor, true);
  if (over) {
    page_open_ = false;
    told_.notify_all();
  }
  lock.unlock();
  return HttpResponse{200, "application/json", page_data(update)};
}

}  // namespace millrace::observe
