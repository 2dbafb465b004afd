#pragma once

#include <functional>
#include <gtest/gtest.h>
#include <string>

#include <millrace/internal/closure.h>

#include "exec/stores.h"
#include "storage/faulty_file_system.h"
#include "storage/memory_file_system.h"

// What the tests of this folder share. Included by *_test.cc alone.

namespace millrace::exec::testing {

struct FilesInMemory {
  storage::MemoryFileSystem base_files;
  storage::FaultyFileSystem files{base_files};
};

/// What the tasks of a process share, with files in memory.
class Process : public FilesInMemory, public Stores {
 public:
  explicit Process(std::uint64_t budget = std::uint64_t{64} << 20, unsigned tasks = 1,
                   Carrier carrier = Carrier::memory)
      : Stores(budget, tasks, files, "/tmp", carrier) {
    base_files.make_directories("/tmp");
  }

  /// Runs `body` as the code of one task.
  TaskResult run(const std::function<void(TaskContext&)>& body) {
    plan::Stage stage = stage_of(body);
    TaskSpec spec;
    spec.stage = &stage;
    return run(std::move(spec), body);
  }
  TaskResult run(TaskSpec spec, const std::function<void(TaskContext&)>& body) {
    current() = &body;
    return Attempt(environment, std::move(spec)).run();
  }
  static plan::Stage stage_of(const std::function<void(TaskContext&)>&) {
    plan::Stage stage;
    stage.partitions = {0};
    stage.code = internal::code_offset(reinterpret_cast<const void*>(&call));
    return stage;
  }

  /// As run(), for a body that has to succeed.
  void expect(const std::function<void(TaskContext&)>& body) {
    const TaskResult result = run(body);
    EXPECT_TRUE(result.succeeded) << result.message;
  }

 private:
  static const std::function<void(TaskContext&)>*& current() {
    thread_local const std::function<void(TaskContext&)>* body = nullptr;
    return body;
  }
  static void call(TaskContext& task) { (*current())(task); }
};

}  // namespace millrace::exec::testing
