#include "cluster/driver.h"

#include "cluster/thread_runner.h"
#include "dataset/driver_session.h"
#include "storage/local_file_system.h"

namespace millrace::cluster {

Driver::Driver(Options options) {
  storage::FileSystem& files = storage::local_file_system();
  if (!options.events.empty()) {
    log_ = std::make_unique<observe::EventLogWriter>(options.events);
    events_.add(*log_);
  }
  auto runner = std::make_unique<ThreadRunner>(options, files, events_);
  session_ = std::make_shared<dataset::DriverSession>(std::move(options), files, std::move(runner));
}

Driver::~Driver() = default;

}  // namespace millrace::cluster
