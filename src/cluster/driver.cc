#include "cluster/driver.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <mutex>

#include "cluster/make_executors.h"
#include "observe/growing_file.h"
#include "observe/machine.h"
#include "observe/quantities.h"
#include "observe/report.h"
#include "observe/report_html.h"
#include "storage/local_file_system.h"

namespace millrace::cluster {
namespace {

observe::ProgressMode mode_of(Progress progress) {
  switch (progress) {
    case Progress::none:
      return observe::ProgressMode::none;
    case Progress::bar:
      return observe::ProgressMode::bar;
    case Progress::plain:
      break;
  }
  return observe::ProgressMode::plain;
}

std::map<std::string, std::string> described(const Options& options) {
  std::map<std::string, std::string> out;
  out["threads"] = std::to_string(options.threads);
  if (options.workers != 0) out["workers"] = std::to_string(options.workers);
  out["memory"] = observe::bytes_text(static_cast<double>(options.memory_bytes));
  out["tmp"] = options.tmp;
  out["attempts"] = std::to_string(options.attempts);
  if (options.reducers != 0) out["reducers"] = std::to_string(options.reducers);
  if (options.split_bytes != 0) out["split"] = std::to_string(options.split_bytes);
  if (options.skip_bad_records != 0) out["skip-bad-records"] = std::to_string(options.skip_bad_records);
  return out;
}

// The results are where they belong by now, and only an account of the run is missing; but who asked for it must not
// take its absence for success.
void let_process_fail() {
  static std::once_flag once;
  std::call_once(once, [] {
    on_exit(
        [](int status, void*) {
          std::cout.flush();
          std::fflush(nullptr);
          std::_Exit(status == 0 ? 1 : status);
        },
        nullptr);
  });
}

template <class Account>
void write_account(Account write) {
  try {
    write();
  } catch (const std::exception& error) {
    fmt::print(stderr, "millrace: {}\n", error.what());
    let_process_fail();
  }
}

bool is_page(const std::string& path) { return path.ends_with(".html") || path.ends_with(".htm"); }

}  // namespace

Driver::Driver(Options options, int argc, const char* const* argv) : report_(options.report) {
  storage::FileSystem& files = storage::local_file_system();
  if (!options.journal.empty()) journal_ = std::make_unique<RunJournal>(options, files);
  watch(options, argc, argv);
  entry_.emplace(options, page_ != nullptr ? page_->address() : "");
  auto runner = std::make_unique<JobRunner>(options, files, events_, make_executors(options, files, journal_.get()),
                                            journal_.get(), &*entry_);
  runner_ = runner.get();
  session_ = std::make_shared<dataset::DriverSession>(std::move(options), files, std::move(runner));
  const std::string program = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "millrace";
  uncaught_.emplace(program, [this](const Error& error) { end_run(error.what()); });
}

Driver::~Driver() {
  uncaught_.reset();
  end_run();
}

// The views of the run, none of which costs anything when nobody asked for it.
void Driver::watch(const Options& options, int argc, const char* const* argv) {
  if (!options.events.empty()) {
    log_ = std::make_unique<observe::EventLogWriter>(options.events);
    events_.add(*log_);
  }
  if (!options.trace.empty()) {
    trace_ = std::make_unique<observe::TraceWriter>(options.trace);
    events_.add(*trace_);
  }
  if (options.ui) {
    page_ = std::make_unique<observe::LivePage>(options.ui_port, options.ui_token);
    events_.add(*page_);
    fmt::print(stderr, "millrace: this run is shown at {}\n", page_->address());
  }
  if (!report_.empty()) observe::check_writable("the report", report_);
  const bool shown = options.progress != Progress::none;
  if (shown || !report_.empty()) {
    model_ = std::make_unique<observe::RunModel>(report_.empty() ? observe::Detail::totals : observe::Detail::attempts);
    events_.add(*model_);
  }
  if (shown) {
    progress_ = std::make_unique<observe::Progress>(*model_, observe::progress_on_stderr(mode_of(options.progress)));
    events_.add(*progress_);
  }
  if (!events_.observed()) return;
  observe::RunStarted started =
      observe::describe_run(argc, argv, options.threads == 0 ? 1 : options.threads, options.memory_bytes);
  started.options = described(options);
  events_.publish({}, std::variant<observe::RunStarted>(std::move(started)));
}

void Driver::end_run(const std::string& uncaught) {
  write_account([&] {
    // A program that catches the error of a job and goes on has succeeded when a later job has.
    if (journal_ != nullptr && runner_->last_failure().empty() && uncaught.empty() && std::uncaught_exceptions() == 0) {
      journal_->run_succeeded();
    } else if (journal_ != nullptr) {
      fmt::print(stderr, "millrace: {}\n", journal_->how_to_go_on());
    }
  });
  if (!events_.observed()) return;
  const std::string failure = uncaught.empty() ? runner_->last_failure() : uncaught;
  observe::RunEnded ended{failure.empty() ? 0 : 1, failure, runner_->broadcast_bytes_sent()};
  events_.publish(runner_->now(), std::variant<observe::RunEnded>(std::move(ended)));
  events_.settle();
  write_account([&] {
    if (report_.empty()) return;
    observe::GrowingFile file("the report", report_);
    file.buffer() = is_page(report_) ? observe::render_html(*model_) : observe::render_text(*model_);
    file.close();
  });
  write_account([&] {
    if (trace_ != nullptr) trace_->close();
  });
  write_account([&] {
    if (log_ != nullptr) log_->close();
  });
}

}  // namespace millrace::cluster
