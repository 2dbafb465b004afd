#include "observe/event_stream.h"

#include <algorithm>

namespace millrace::observe {

void EventStream::add(Observer& observer) {
  const std::lock_guard lock(mutex_);
  observers_.push_back(&observer);
}

void EventStream::remove(Observer& observer) {
  const std::lock_guard lock(mutex_);
  observers_.erase(std::remove(observers_.begin(), observers_.end(), &observer), observers_.end());
}

bool EventStream::observed() const {
  const std::lock_guard lock(mutex_);
  return !observers_.empty();
}

void EventStream::publish(Logged record) {
  const std::lock_guard lock(mutex_);
  last_ = record.at = std::max(record.at, last_);
  for (Observer* observer : observers_) observer->on(record);
}

}  // namespace millrace::observe
