#include "cluster/uncaught.h"

#include <cstdio>
#include <cstdlib>
#include <cxxabi.h>
#include <exception>
#include <fmt/format.h>
#include <mutex>
#include <utility>

#include "cluster/run_directory.h"
#include "cluster/run_entry.h"

namespace millrace::cluster {
namespace {

struct Run {
  std::mutex mutex;
  std::string program;
  std::function<void(const Error&)> end;
};

Run& run() {
  static Run here;
  return here;
}

void take_files_away() noexcept {
  RunDirectory::remove_all_of_this_process();
  remove_run_entry();
}

[[noreturn]] void end_program(const Error& error) {
  std::function<void(const Error&)> end;
  {
    const std::lock_guard lock(run().mutex);
    fmt::print(stderr, "{}: {}\n", run().program, error.what());
    end = std::exchange(run().end, nullptr);
  }
  if (end) end(error);
  take_files_away();
  std::fflush(stdout);
  std::quick_exit(1);
}

void on_terminate() {
  if (const std::exception_ptr thrown = std::current_exception()) {
    try {
      std::rethrow_exception(thrown);
    } catch (const Error& error) {
      end_program(error);
    } catch (...) {
      take_files_away();
    }
  }
  __gnu_cxx::__verbose_terminate_handler();
}

}  // namespace

UncaughtErrors::UncaughtErrors(std::string program, std::function<void(const Error&)> end_run) {
  const std::lock_guard lock(run().mutex);
  run().program = std::move(program);
  run().end = std::move(end_run);
  if (std::get_terminate() == __gnu_cxx::__verbose_terminate_handler) std::set_terminate(on_terminate);
}

UncaughtErrors::~UncaughtErrors() {
  const std::lock_guard lock(run().mutex);
  run().end = nullptr;
}

}  // namespace millrace::cluster
