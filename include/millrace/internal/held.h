#pragma once

#include <functional>
#include <type_traits>

namespace millrace::internal {

/// A function as the one who calls it again and again should hold it: a copy where calls change nothing in it, so that
/// what it refers to can stay in registers; else a reference. X: what it is called with.
template <class X, class F>
auto held(F& f) {
  if constexpr (std::is_trivially_copyable_v<F> && std::is_invocable_v<const F&, X>) {
    return f;
  } else {
    return std::ref(f);
  }
}

}  // namespace millrace::internal
