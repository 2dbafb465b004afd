#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "observe/http_server.h"
#include "observe/run_model.h"
#include "observe/timeline.h"

namespace millrace::observe {

/// The live page of a run: a web server on 127.0.0.1 that shows what happens, and its metrics. It answers only those
/// who know its token: below /TOKEN/ (the page, /TOKEN/data, /TOKEN/metrics), or /metrics with "Authorization: Bearer
/// TOKEN".
///
/// on() needs a lock that the server holds for no longer than it takes to copy what a page has not been told; all else
/// is the server's thread. Memory does not grow with the number of tasks.
class LivePage : public Observer {
 public:
  /// Serves from now on; port 0 takes any that is free. An empty token is replaced by a random one. Throws Error(usage)
  /// when the port cannot be had.
  LivePage(std::uint16_t port, std::string token);
  /// Pages that are open are told the end first, for at most 0.5 s.
  ~LivePage() override;

  std::unique_lock<std::mutex> hold() override { return std::unique_lock(mutex_); }
  void on(const Logged& record) override { model_.on(record); }

  std::string address() const;  ///< "http://127.0.0.1:PORT/TOKEN/"

 private:
  std::optional<HttpResponse> answer(const HttpRequest& request);
  std::optional<HttpResponse> data(const HttpRequest& request);

  std::string token_;
  std::mutex mutex_;  // guards the three below
  Timeline timeline_;
  RunModel model_{Detail::totals, &timeline_};
  bool over_ = false;
  std::condition_variable told_;
  bool page_open_ = false;  // a page has asked, and not been told the end
  HttpServer server_;       // last: its thread uses all of the above
};

}  // namespace millrace::observe
