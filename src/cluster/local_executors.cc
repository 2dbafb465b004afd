#include "cluster/local_executors.h"

#include <algorithm>

namespace millrace::cluster {

LocalExecutors::LocalExecutors(const Options& options, storage::FileSystem& files, const exec::KeptOutputs* kept)
    : threads_(options.threads),
      stores_(options.memory_bytes, std::max(options.threads, 1u), files, options.tmp,
              options.file_shuffle ? exec::Carrier::files : exec::Carrier::memory) {
  stores_.environment.kept = kept;
  // A run that goes on later knows of its tasks, but not which splits they had read.
  if (kept == nullptr) stores_.environment.split_claims = &split_claims_;
}

void LocalExecutors::start(ExecutorListener& listener) {
  TaskSlots::Listener slots;
  slots.ended = [&listener](AttemptEnd end) { listener.attempt_ended(std::move(end)); };
  slots_ = std::make_unique<TaskSlots>(threads_, stores_.environment, std::move(slots));
  listener.executor_added({ExecutorId{0}, std::max(threads_, 1u), "this process"});
}

exec::TaskResult LocalExecutors::run_here(exec::TaskSpec spec) {
  return exec::Attempt(stores_.environment, std::move(spec)).run();
}

}  // namespace millrace::cluster
