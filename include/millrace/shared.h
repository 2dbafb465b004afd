#pragma once

#include <algorithm>
#include <functional>
#include <limits>

#include <millrace/codec.h>
#include <millrace/task.h>

namespace millrace {

/// A read-only value that every task may look at, shipped to each worker process once: Context::broadcast makes it.
/// A handle of plain bytes: capture it by value. The value lives until the Context ends. Any thread may call value().
template <class T>
class Broadcast {
 public:
  /// In tasks and in the driver alike. The reference is valid as long as the Context.
  const T& value() const;
  const T& operator*() const { return value(); }
  const T* operator->() const { return &value(); }
  std::uint32_t id() const { return id_; }

  explicit Broadcast(std::uint32_t id) : id_(id) {}

 private:
  std::uint32_t id_;
};

namespace internal {
/// The decoded broadcast values of this process.
const void* find_broadcast(std::uint32_t id);
/// Keeps `value` unless another thread was first; returns the one that is kept.
const void* keep_broadcast(std::uint32_t id, std::shared_ptr<const void> value);
/// The encoded form, from the task's executor or from the driver.
std::span<const std::byte> broadcast_bytes(std::uint32_t id);
std::vector<std::byte> accumulator_bytes(std::uint32_t id);
}  // namespace internal

template <class T>
const T& Broadcast<T>::value() const {
  if (const void* known = internal::find_broadcast(id_)) return *static_cast<const T*>(known);
  Decoder in(internal::broadcast_bytes(id_));
  return *static_cast<const T*>(internal::keep_broadcast(id_, std::make_shared<const T>(in.get<T>())));
}

/// How an accumulator of sums starts and adds.
template <class T>
struct Sum {
  static T zero() { return T{}; }
  static void add(T& into, const T& value) { into += value; }
};
template <class T>
struct Max {
  static T zero() { return std::numeric_limits<T>::lowest(); }
  static void add(T& into, const T& value) { into = std::max(into, value); }
};
template <class T>
struct Min {
  static T zero() { return std::numeric_limits<T>::max(); }
  static void add(T& into, const T& value) { into = std::min(into, value); }
};

/// A variable that tasks add to and the driver reads: Context::accumulator<T, Op> makes it. Op has zero() and
/// add(into, value), associative and commutative. What a task adds counts exactly once, when the task is committed,
/// whatever is retried. A handle of plain bytes: capture it by value. Tasks call add(), the driver calls value().
template <class T, class Op = Sum<T>>
class Accumulator {
 public:
  explicit Accumulator(std::uint32_t id) : id_(id) {}

  /// Throws Error(usage) outside of a task.
  void add(const T& value) const {
    TaskContext* task = TaskContext::current();
    if (task == nullptr) throw Error(Cause::usage, "Accumulator::add was called outside of a task; only tasks add");
    Encoder out;
    out.put(value);
    task->add_to_accumulator(id_, out.bytes(), &merge);
  }
  /// The sum over all jobs that have ended so far.
  T value() const {
    const std::vector<std::byte> bytes = internal::accumulator_bytes(id_);
    if (bytes.empty()) return Op::zero();
    Decoder in(bytes);
    return in.get<T>();
  }

  static void merge(std::vector<std::byte>& into, std::span<const std::byte> value) {
    Decoder in(value);
    T sum = Op::zero();
    if (!into.empty()) {
      Decoder old(into);
      sum = old.get<T>();
    }
    Op::add(sum, in.get<T>());
    Encoder out;
    out.put(sum);
    into = out.take();
  }

 private:
  std::uint32_t id_;
};

}  // namespace millrace
