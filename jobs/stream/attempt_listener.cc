#include "jobs/stream/attempt_listener.h"

#include <atomic>

namespace millrace::jobs::stream {
namespace {
std::atomic<AttemptListener*> current{nullptr};
}

void set_attempt_listener(AttemptListener* listener) { current = listener; }
AttemptListener* attempt_listener() { return current; }

}  // namespace millrace::jobs::stream
