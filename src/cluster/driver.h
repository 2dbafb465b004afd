#pragma once

#include <memory>

#include <millrace/internal/session.h>
#include <millrace/options.h>

#include "observe/event_log.h"
#include "observe/event_stream.h"

namespace millrace::cluster {

/// One run of a program as a driver: its session, what runs the jobs, and the views of what happens. Owned by the
/// Context and its datasets together; ends with the last of them.
class Driver {
 public:
  explicit Driver(Options options);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  const std::shared_ptr<internal::Session>& session() const { return session_; }

 private:
  observe::EventStream events_;
  std::unique_ptr<observe::EventLogWriter> log_;
  std::shared_ptr<internal::Session> session_;
};

}  // namespace millrace::cluster
