#pragma once

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>

#include <millrace/millrace.h>

#include "cluster/job_runner.h"
#include "cluster/local_executors.h"
#include "dataset/driver_session.h"
#include "storage/faulty_file_system.h"
#include "storage/memory_file_system.h"
#include "storage/testing.h"

namespace millrace::testing {

/// What the events said last of a job: that it succeeded, or how it failed.
class LastWord final : public observe::Observer {
 public:
  void on(const observe::Logged& record) override {
    if (std::holds_alternative<sched::JobSucceeded>(record.value)) text = "succeeded";
    if (const auto* failed = std::get_if<sched::JobFailed>(&record.value)) text = failed->reason;
  }
  std::string text;
};

/// A machine whose files lie in memory and fail when they are told to: /in is read, /tmp is for temporary files, and
/// outputs are below /.
class FaultyMachine {
 public:
  FaultyMachine() {
    files.make_directories("/tmp");
    files.make_directories("/in");
    events_.add(last_word);
  }

  /// Small enough that jobs spill.
  static Options options(unsigned threads = 0) {
    Options options;
    options.threads = threads;
    options.memory_bytes = std::uint64_t{1} << 20;
    options.tmp = "/tmp";
    options.reducers = 3;
    options.split_bytes = 40000;
    options.overwrite = true;
    return options;
  }

  /// A Context whose jobs use this machine's files.
  Context context(const Options& options) {
    auto runner = std::make_unique<cluster::JobRunner>(options, files, events_,
                                                       std::make_unique<cluster::LocalExecutors>(options, files));
    return Context(std::make_shared<dataset::DriverSession>(options, files, std::move(runner)));
  }

  /// Runs the job, and returns what it failed with; empty when it succeeded.
  template <class Job>
  std::string run(const Options& options, Job job) {
    try {
      Context here = context(options);
      job(here);
      return {};
    } catch (const Error& error) {
      last_cause = error.cause();
      return error.what();
    }
  }

  void write(const std::string& path, std::string_view text) {
    base.make_directories(path.substr(0, path.rfind('/')));
    storage::testing::write_file(base, path, text);
  }

  /// All files below a directory, with their contents.
  std::map<std::string, std::string> contents(const std::string& directory) const {
    std::map<std::string, std::string> out;
    if (!storage::testing::exists(base, directory)) return out;
    for (const storage::FileInfo& entry : base.list(directory)) {
      if (entry.kind == storage::FileKind::directory) {
        out.merge(contents(entry.path));
      } else {
        out[entry.path] = storage::testing::read_file(base, entry.path);
      }
    }
    return out;
  }

  /// What a job left that it should not have.
  std::string left_over() const {
    std::string left;
    for (const storage::FileInfo& entry : base.list("/")) {
      if (entry.path != "/in" && entry.path != "/tmp" && entry.path != "/out") left += entry.path + ' ';
    }
    for (const storage::FileInfo& entry : base.list("/tmp")) left += entry.path + ' ';
    return left;
  }

  storage::MemoryFileSystem base;
  storage::FaultyFileSystem files{base};
  Cause last_cause = Cause::internal;
  LastWord last_word;

 private:
  observe::EventStream events_;
};

}  // namespace millrace::testing
