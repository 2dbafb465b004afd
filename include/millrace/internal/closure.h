#pragma once

#include <cstring>
#include <new>
#include <tuple>
#include <type_traits>

#include <millrace/codec.h>

// How the functions of a job travel (ARCHITECTURE.md, "Tasks travel"): the type of a function is in the code of the
// stage, which is an offset into the executable; what it captured travels as bytes.

namespace millrace {

namespace internal {

/// Offset of a function of this executable from where the executable is mapped, and back. Throws Error(usage) for a
/// function that lies in a shared library.
std::uint64_t code_offset(const void* function);
const void* code_address(std::uint64_t offset);

template <class F, class... Ts>
struct Captured;

template <class Body, class F>
struct Bound;

template <class F>
struct IsCaptured : std::false_type {};
template <class F, class... Ts>
struct IsCaptured<Captured<F, Ts...>> : std::true_type {};
template <class Body, class F>
struct IsCaptured<Bound<Body, F>> : std::true_type {};

template <class F>
concept FunctionPointer = std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>;

// Not is_trivially_copyable, which GCC 12 denies to some closures (those of lambdas written as an argument of a pack);
// a function is never assigned to.
template <class F>
concept Travels = IsCaptured<F>::value || FunctionPointer<F> ||
    (std::is_trivially_copy_constructible_v<F>&& std::is_trivially_destructible_v<F>);

/// A function of the job with what it captured.
template <class F>
class Function {
  static_assert(Travels<F>,
                "this function captures something that cannot travel to another process. Capture numbers and plain "
                "structs by value; pass strings and containers through millrace::capture(value, ..., function), and "
                "large read-only values through context.broadcast(value)");

 public:
  explicit Function(F f) { std::memcpy(raw_, static_cast<const void*>(std::addressof(f)), sizeof(F)); }
  F& get() { return *std::launder(reinterpret_cast<F*>(raw_)); }
  void save(Encoder& out) const {
    if constexpr (FunctionPointer<F>) {
      F f;
      std::memcpy(&f, raw_, sizeof(F));
      out.put(code_offset(reinterpret_cast<const void*>(f)));
    } else if constexpr (!std::is_empty_v<F>) {
      out.append({raw_, sizeof(F)});
    }
  }
  static Function load(Decoder& in) {
    if constexpr (FunctionPointer<F>) {
      return Function(reinterpret_cast<F>(const_cast<void*>(code_address(in.get<std::uint64_t>()))));
    } else {
      Function out;
      if constexpr (!std::is_empty_v<F>) {
        need(in.at(), in.end(), sizeof(F));
        std::memcpy(out.raw_, in.at(), sizeof(F));
        in.at() += sizeof(F);
      }
      return out;
    }
  }
  /// What save() wrote of captured values that could be addresses.
  std::span<const std::byte> bytes() const {
    if constexpr (FunctionPointer<F> || std::is_empty_v<F>) return {};
    return {raw_, sizeof(F)};
  }

 private:
  Function() = default;
  alignas(F) std::byte raw_[sizeof(F)] = {};
};

template <class F, class... Ts>
struct Captured {
  std::tuple<Ts...> values;
  Function<F> function;
  template <class... Args>
  requires std::is_invocable_v<F&, const Ts&..., Args...>
  decltype(auto) operator()(Args&&... args) {
    return std::apply(
        [&](const Ts&... v) -> decltype(auto) { return function.get()(v..., std::forward<Args>(args)...); }, values);
  }
};

template <class F, class... Ts>
class Function<Captured<F, Ts...>> {
  static_assert((HasCodec<Ts>::value && ...), "capture() takes values that have a millrace::Codec");
  static_assert((!IsView<Ts>::value && ...), "capture() takes values that own what they show: std::string, not a view");

 public:
  explicit Function(Captured<F, Ts...> captured) : captured_(std::move(captured)) {}
  Captured<F, Ts...>& get() { return captured_; }
  void save(Encoder& out) const {
    out.put(captured_.values);
    captured_.function.save(out);
  }
  static Function load(Decoder& in) {
    auto values = in.get<std::tuple<Ts...>>();
    return Function(Captured<F, Ts...>{std::move(values), Function<F>::load(in)});
  }
  std::span<const std::byte> bytes() const { return captured_.function.bytes(); }

 private:
  Captured<F, Ts...> captured_;
};

/// body(f, args...): an operation's own code around a function of the user, which travels as that function does.
template <class Body, class F>
struct Bound {
  Function<F> f;
  Function<Body> body;
  template <class... Args>
  requires std::is_invocable_v<Body&, F&, Args...>
  decltype(auto) operator()(Args&&... args) { return body.get()(f.get(), std::forward<Args>(args)...); }
};

template <class Body, class F>
class Function<Bound<Body, F>> {
 public:
  explicit Function(Bound<Body, F> bound) : bound_(std::move(bound)) {}
  Bound<Body, F>& get() { return bound_; }
  void save(Encoder& out) const {
    bound_.f.save(out);
    bound_.body.save(out);
  }
  static Function load(Decoder& in) {
    auto f = Function<F>::load(in);
    return Function(Bound<Body, F>{std::move(f), Function<Body>::load(in)});
  }
  std::span<const std::byte> bytes() const { return bound_.f.bytes(); }

 private:
  Bound<Body, F> bound_;
};

}  // namespace internal

/// A function together with values that are not plain bytes, such as strings and vectors: they come first among its
/// parameters, as const references.
///
///   lines.filter(millrace::capture(std::string("ERROR"), [](const std::string& what, std::string_view line) {
///     return line.find(what) != line.npos;
///   }))
template <class... Args>
auto capture(Args... args) {
  static_assert(sizeof...(Args) >= 2, "capture(value, ..., function)");
  auto all = std::tuple<Args...>(std::move(args)...);
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    using F = std::tuple_element_t<sizeof...(Args) - 1, std::tuple<Args...>>;
    return internal::Captured<F, std::tuple_element_t<I, std::tuple<Args...>>...>{
        {std::move(std::get<I>(all))...}, internal::Function<F>(std::move(std::get<sizeof...(Args) - 1>(all)))};
  }
  (std::make_index_sequence<sizeof...(Args) - 1>{});
}

}  // namespace millrace
