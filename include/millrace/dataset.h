#pragma once

#include <algorithm>
#include <cmath>
#include <map>

#include <millrace/internal/grouped_read.h>
#include <millrace/internal/lookup_table.h>
#include <millrace/internal/session.h>
#include <millrace/internal/wide.h>
#include <millrace/shared.h>
#include <millrace/text.h>

namespace millrace {

/// For top(): pairs by their value, the largest first.
struct ByValue {
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return a.second < b.second;
  }
};
inline constexpr ByValue by_value;

/// Summary statistics of numbers. Sums are combined in the order of the partitions.
struct Statistics {
  std::uint64_t count = 0;
  double sum = 0;
  double mean = 0;
  double min = 0;
  double max = 0;
  double stdev = 0;  ///< of the population
};

/// The options of write_csv().
struct CsvOutput {
  char separator = ',';
  std::string header;  ///< a first line for each part file, without its newline; empty: none
};

template <class T, class Chain = internal::Erased<T>>
class Dataset;
template <class K, class V, class Data, class Parts>
class MapReduce;

namespace internal {

template <class T>
struct PairParts {
  static constexpr bool is_pair = false;
  using key = char;  // placeholders: the members that use them are only there for pairs
  using value = char;
};
template <class K, class V>
struct PairParts<std::pair<K, V>> {
  static constexpr bool is_pair = true;
  using key = K;
  using value = V;
};

template <class T>
struct IsDataset : std::false_type {};
template <class T, class C>
struct IsDataset<Dataset<T, C>> : std::true_type {};

template <class F>
concept NamesItsElement = requires {
  typename F::element;
};

/// Writes the part file of a task as a record file of blocks of encoded elements.
std::unique_ptr<ShuffleWriter> record_writer(TaskContext& task, const std::string& element_type);

/// What a function's place and captured bytes come to when an operation is added.
template <class F>
Function<std::decay_t<F>> keep_function(Session& session, F&& f, const char* operation, Site site) {
  Function<std::decay_t<F>> kept{std::decay_t<F>(std::forward<F>(f))};
  session.check_captured(kept.bytes(), operation, site);
  return kept;
}

template <class Chain, class Terminal>
std::uint64_t stage_code() {
  return code_offset(reinterpret_cast<const void*>(&run_stage<Chain, Terminal>));
}

template <class Chain, class Terminal>
std::vector<std::byte> stage_closure(const Chain& chain, const Terminal& terminal) {
  Encoder out;
  chain.save(out);
  terminal.save(out);
  return out.take();
}

void print_number(std::string& out, std::uint64_t value);
void print_number(std::string& out, std::int64_t value);
void print_number(std::string& out, double value);
void print_csv_field(std::string& out, std::string_view text, char separator);

/// An element as a line of text: text as it is, numbers in decimal, the parts of pairs, tuples and lists between tabs.
template <class T>
void print_text(std::string& out, const T& value) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    out.append(std::string_view(value));
  } else if constexpr (std::is_same_v<T, char>) {
    out.push_back(value);
  } else if constexpr (std::is_same_v<T, bool>) {
    out.append(value ? "true" : "false");
  } else if constexpr (std::is_floating_point_v<T>) {
    print_number(out, static_cast<double>(value));
  } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    print_number(out, static_cast<std::int64_t>(value));
  } else if constexpr (std::is_integral_v<T>) {
    print_number(out, static_cast<std::uint64_t>(value));
  } else if constexpr (std::is_enum_v<T>) {
    print_text(out, static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (IsTuple<T>::value) {
    std::apply(
        [&out](const auto&... v) {
          bool first = true;
          ((first ? void() : out.push_back('\t'), first = false, print_text(out, v)), ...);
        },
        value);
  } else if constexpr (requires { value.has_value(); }) {
    if (value) print_text(out, *value);
  } else if constexpr (requires {
                         value.begin();
                         value.end();
                       }) {
    bool first = true;
    for (const auto& v : value) {
      if (!first) out.push_back(',');
      first = false;
      print_text(out, v);
    }
  } else {
    static_assert(
        requires { to_text(out, value); },
        "write_text needs text, numbers, pairs, tuples, lists, or a function to_text(std::string&, const T&)");
    to_text(out, value);
  }
}

/// One row of CSV: the parts of a pair or tuple (nested ones too) are its fields.
template <class T>
void print_csv(std::string& out, const T& value, char separator) {
  if constexpr (IsTuple<T>::value) {
    std::apply(
        [&](const auto&... v) {
          bool first = true;
          ((first ? void() : out.push_back(separator), first = false, print_csv(out, v, separator)), ...);
        },
        value);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    print_csv_field(out, value, separator);
  } else if constexpr (requires { value.has_value(); }) {
    if (value) print_csv(out, *value, separator);
  } else if constexpr (requires {
                         value.begin();
                         value.end();
                       }) {
    bool first = true;
    for (const auto& v : value) {
      if (!first) out.push_back(separator);
      first = false;
      print_csv(out, v, separator);
    }
  } else {
    print_text(out, value);
  }
}

template <class T>
struct IsSequence : std::false_type {};
template <class T>
struct IsSequence<std::vector<T>> : std::true_type {};
template <class T, std::size_t N>
struct IsSequence<std::span<const T, N>> : std::true_type {};

/// The name that a record file carries for the type of its elements (docs/formats.md). Types of one encoding have one
/// name; a class with a codec of its own may say `static constexpr const char* type_name`.
template <class T>
std::string element_type_name() {
  if constexpr (std::is_same_v<T, bool>) {
    return "bool";
  } else if constexpr (std::is_integral_v<T>) {
    return (std::is_signed_v<T> ? "i" : "u") + std::to_string(sizeof(T) * 8);
  } else if constexpr (std::is_floating_point_v<T>) {
    return "f" + std::to_string(sizeof(T) * 8);
  } else if constexpr (TextKey<T>) {
    return "text";
  } else if constexpr (IsTuple<T>::value) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      std::string name = "(";
      ((name += (I == 0 ? "" : ",") + element_type_name<std::tuple_element_t<I, T>>()), ...);
      return name + ")";
    }
    (std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (requires {
                         { T::type_name } -> std::convertible_to<std::string>;
                       }) {
    return T::type_name;
  } else if constexpr (HasFields<T>) {
    return std::apply(
        [](auto... members) {
          std::string name;
          ((name += (name.empty() ? "{" : ",") + element_type_name<MemberTypeOf<decltype(members)>>()), ...);
          return name + "}";
        },
        T::fields);
  } else if constexpr (Plain<T>) {
    return "bytes" + std::to_string(sizeof(T));
  } else if constexpr (IsSequence<T>::value) {
    return "[" + element_type_name<typename T::value_type>() + "]";
  } else if constexpr (requires(const T& value) { value.has_value(); }) {
    return "?" + element_type_name<typename T::value_type>();
  } else if constexpr (requires { std::tuple_size<T>::value; }) {
    return std::to_string(std::tuple_size<T>::value) + "*" + element_type_name<typename T::value_type>();
  } else {
    static_assert(HasCodec<T>::value, "this element type has no millrace::Codec; see millrace/codec.h");
    return "struct";
  }
}

}  // namespace internal

/// A distributed collection of T: partitions of elements that are computed when an action asks for them, and again
/// whenever they are needed, unless the dataset is cached. (Zaharia et al., "Resilient Distributed Datasets", NSDI
/// 2012.)
///
/// A Dataset is a value: cheap to copy, immutable; operations return new ones. `Chain` is the type of the operations
/// since the last stage boundary, which the compiler makes one loop of; write `auto`, or name the type Dataset<T>,
/// which costs one indirect call an element.
///
/// Elements may be views (std::string_view into the input, pairs of them …). A view that an operation receives is valid
/// until the operation's function returns; Millrace copies what has to live longer (shuffles, caches, results), and
/// actions return Owned<T>: std::string for std::string_view and so on.
///
/// Functions given to operations may run in other threads and other processes, several times, in any order between
/// partitions. They must not depend on anything but their arguments and what they captured, and what they capture must
/// be able to travel: numbers and plain structs by value, other values through capture(), large ones through broadcast.
/// An exception that a function throws fails the attempt; after the last attempt the action throws Error(user_code),
/// which names the operation, the input file and byte, and what() of the exception.
///
/// Order: each partition has a definite order. Operations say what they do with it; the output of every action is the
/// same bytes for any number of threads, any split size and any memory.
///
/// Threads: a Dataset may be copied and used by several threads of the driver at once.
template <class T, class Chain>
class Dataset {
  using Parts = internal::PairParts<T>;

 public:
  using element_type = T;
  using chain_type = Chain;

  Dataset(std::shared_ptr<internal::Session> session, internal::NodePtr node, Chain chain)
      : session_(std::move(session)), node_(std::move(node)), chain_(std::move(chain)) {}

  /// Names the type of a dataset: Dataset<T> x = ...; views may become what owns them on the way.
  template <class U, class OtherChain>
  requires(!std::is_same_v<Chain, OtherChain> && std::is_same_v<Chain, internal::Erased<T>> &&
           (std::is_same_v<T, U> || std::is_same_v<T, Owned<U>>)) Dataset(const Dataset<U, OtherChain>& other)
      : session_(other.session_), node_(other.node_) {
    Encoder out;
    other.chain_.save(out);
    chain_.code = internal::code_offset(reinterpret_cast<const void*>(&internal::run_erased<T, OtherChain>));
    chain_.closure = out.take();
  }

  std::uint32_t partitions() const { return internal::partitions_of(node_); }

  // ---- narrow transformations: no stage boundary ------------------------------------------------------------------

  /// f(x) for each element.
  template <class F>
  auto map(F f, Site site = Site::current()) const {
    static_assert(std::is_invocable_v<F&, typename Chain::element>,
                  "map(f): f must be callable with this dataset's elements (they may be views: std::string_view, not "
                  "std::string)");
    using C = internal::Map<Chain, F>;
    using U = std::remove_cvref_t<typename C::element>;
    static_assert(!std::is_void_v<typename C::element>, "map(f): f must return the new element");
    return then<U>("map", site, [&](std::uint32_t id) { return C{chain_, function(f, "map", site), id}; });
  }

  /// The elements for which f is true.
  template <class F>
  auto filter(F f, Site site = Site::current()) const {
    static_assert(std::is_invocable_r_v<bool, F&, const T&>, "filter(f): f must take an element and return bool");
    using C = internal::Filter<Chain, F>;
    return then<T>("filter", site, [&](std::uint32_t id) { return C{chain_, function(f, "filter", site), id}; });
  }

  /// All elements that f makes of each element. Either f(x) returns a range; or f(x, emit) calls emit(y) for each, and
  /// the type of y is given: flat_map<std::string_view>([](std::string_view line, auto& emit) { … }), or named by the
  /// function's own `element`.
  template <class U = void, class F>
  auto flat_map(F f, Site site = Site::current()) const {
    if constexpr (!std::is_void_v<U>) {
      using C = internal::FlatMap<Chain, F, U>;
      return then<U>("flat_map", site, [&](std::uint32_t id) { return C{chain_, function(f, "flat_map", site), id}; });
    } else if constexpr (internal::NamesItsElement<F>) {
      using C = internal::FlatMap<Chain, F, typename F::element>;
      return then<typename F::element>("flat_map", site, [&](std::uint32_t id) {
        return C{chain_, function(f, "flat_map", site), id};
      });
    } else {
      static_assert(std::is_invocable_v<F&, typename Chain::element>,
                    "flat_map(f): f must return a range of what it makes of an element; for f(x, emit) say what it "
                    "emits: flat_map<Type>(f)");
      using C = internal::FlatMapRange<Chain, F>;
      return then<typename C::element>("flat_map", site, [&](std::uint32_t id) {
        return C{chain_, function(f, "flat_map", site), id};
      });
    }
  }

  /// f(partition, emit) for each partition as a whole: partition.for_each(visit) goes through its elements once, in
  /// order; partition.index() is its number; emit(y) gives an element of type U.
  template <class U, class F>
  auto map_partitions(F f, Site site = Site::current()) const {
    using C = internal::MapPartitions<Chain, F, U>;
    const auto make = [&](std::uint32_t id) { return C{chain_, function(f, "map_partitions", site), id}; };
    return then<U>("map_partitions", site, make, false);
  }

  /// Pairs (f(x), x).
  template <class F>
  auto key_by(F f, Site site = Site::current()) const {
    using K = std::remove_cvref_t<std::invoke_result_t<F&, const T&>>;
    return map_named("key_by", bind(f, [](F& key_of, const T& x) { return std::pair<K, T>(key_of(x), x); }), site);
  }

  /// (k, f(v)) for each pair.
  template <class F>
  auto map_values(F f, Site site = Site::current()) const requires(Parts::is_pair) {
    using V = std::remove_cvref_t<std::invoke_result_t<F&, typename Parts::value>>;
    return map_named("map_values",
                     bind(f,
                          [](F& of, T pair) {
                            return std::pair<typename Parts::key, V>(std::move(pair.first), of(std::move(pair.second)));
                          }),
                     site);
  }

  /// The keys, the values of pairs.
  auto keys(Site site = Site::current()) const requires(Parts::is_pair) {
    return map([](const T& pair) { return pair.first; }, site);
  }
  auto values(Site site = Site::current()) const requires(Parts::is_pair) {
    return map([](const T& pair) { return pair.second; }, site);
  }

  /// Each element with probability `fraction` (0 to 1), decided by the seed and the element's place.
  auto sample(double fraction, std::uint64_t seed = 0, Site site = Site::current()) const {
    if (!(fraction >= 0 && fraction <= 1)) throw Error(Cause::usage, "sample(fraction): must lie between 0 and 1");
    // Places depend on how the input is split, so the decision is made on positions in the whole dataset.
    using C = internal::Indexed<Chain>;
    const auto threshold = fraction >= 1 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(std::ldexp(fraction, 64));
    auto indexed = Dataset<std::pair<T, std::uint64_t>, C>(session_, node("sample", site, false),
                                                           C{chain_, partition_starts(site)});
    struct Chosen {
      std::uint64_t threshold;
      std::uint64_t seed;
      bool operator()(const std::pair<T, std::uint64_t>& x) const {
        std::uint64_t state = (seed + 1) * 0x9e3779b97f4a7c15 ^ (x.second * 0xd1342543de82ef95);
        return internal::Sample<Chain>::next(state) <= threshold && threshold != 0;
      }
    };
    return indexed.filter(Chosen{threshold, seed}, site).keys(site);
  }

  /// Pairs (x, position in the whole dataset). Counts the partitions first, which is a job of its own.
  auto zip_with_index(Site site = Site::current()) const {
    using C = internal::Indexed<Chain>;
    return Dataset<std::pair<T, std::uint64_t>, C>(session_, node("zip_with_index", site, false),
                                                   C{chain_, partition_starts(site)});
  }

  /// The elements of this dataset, then those of the other.
  template <class U, class OtherChain>
  auto union_with(const Dataset<U, OtherChain>& other, Site site = Site::current()) const {
    static_assert(std::is_same_v<T, U>, "union_with(other): both datasets must have the same element type");
    using C = internal::Union<Chain, OtherChain>;
    auto both = session_->narrow("union_with", site, {node_, other.node_}, partitions() + other.partitions());
    return Dataset<T, C>(session_, both, C{chain_, other.chain_, partitions()});
  }

  /// All pairs (x, y) of an element of this dataset and one of the other.
  template <class U, class OtherChain>
  auto cartesian(const Dataset<U, OtherChain>& other, Site site = Site::current()) const {
    using C = internal::Cartesian<Chain, OtherChain>;
    auto both = session_->narrow("cartesian", site, {node_, other.node_}, partitions() * other.partitions());
    return Dataset<std::pair<T, U>, C>(session_, both, C{chain_, other.chain_, other.partitions()});
  }

  /// At most `count` partitions, each a run of neighbouring ones, without moving data.
  auto coalesce(std::uint32_t count, Site site = Site::current()) const {
    using C = internal::Coalesce<Chain>;
    const std::uint32_t to = std::max(1u, std::min(count, partitions()));
    auto fewer = session_->narrow("coalesce", site, {node_}, to);
    return Dataset<T, C>(session_, fewer, C{chain_, partitions(), to});
  }

  // ---- wide transformations: a shuffle ----------------------------------------------------------------------------

  /// `count` partitions, each element placed by its content; equal elements are in one partition.
  auto repartition(std::uint32_t count, Site site = Site::current()) const {
    return scatter<T>("repartition", internal::ContentPartitioner<T>{positive(count)}, count, site);
  }

  /// Pairs placed by the hash of their key; `count` 0 means chosen from the input's size. The order of arrival is kept.
  auto partition_by_hash(std::uint32_t count = 0, Site site = Site::current()) const requires(Parts::is_pair) {
    const std::uint32_t to = parts(count);
    return scatter<T>("partition_by", internal::HashPartitioner<typename Parts::key>{to}, to, site);
  }
  /// Pairs placed by f(key) or f(key, count), modulo `count`.
  template <class F>
  auto partition_by(F f, std::uint32_t count, Site site = Site::current()) const requires(Parts::is_pair) {
    return scatter<T>("partition_by",
                      internal::CustomPartitioner<F>{positive(count), function(f, "partition_by", site)}, count, site);
  }
  /// Pairs placed by ranges of their keys, in the natural order; not sorted inside a partition.
  auto partition_by_range(std::uint32_t count = 0, Site site = Site::current()) const requires(Parts::is_pair) {
    auto partitioner =
        ranges(internal::Function(internal::First{}), internal::Function(internal::Ascending{}), parts(count), site);
    return scatter<T>("partition_by", std::move(partitioner), parts(count), site);
  }

  /// Pairs placed by the hash of their key, or by f(key) or f(key, count) modulo `count`, each partition sorted by key;
  /// equal keys stay in the order of the input. `order` is as for sort().
  template <class Order = internal::Ascending>
  auto repartition_and_sort_within_partitions(std::uint32_t count = 0, Order order = {},
                                              Site site = Site::current()) const requires(Parts::is_pair) {
    const std::uint32_t to = parts(count);
    return sorted_within(internal::HashPartitioner<typename Parts::key>{to}, internal::wrap_order(order), to, site);
  }
  template <class F, class Order = internal::Ascending>
  requires(std::is_invocable_v<F&, const typename internal::PairParts<T>::key&> ||
           std::is_invocable_v<F&, const typename internal::PairParts<T>::key&,
                               std::uint32_t>) auto repartition_and_sort_within_partitions(F f, std::uint32_t count,
                                                                                           Order order = {},
                                                                                           Site site = Site::current())
      const requires(Parts::is_pair) {
    const char* const operation = "repartition_and_sort_within_partitions";
    return sorted_within(internal::CustomPartitioner<F>{positive(count), function(f, operation, site)},
                         internal::wrap_order(order), count, site);
  }

  /// All elements in order over all partitions; equal ones stay in the order of the input. `order` is
  /// millrace::ascending or millrace::descending, or a function less(a, b). It may offer prefix(key) as well: 64 bits
  /// that spare most calls, where less(a, b) means prefix(a) <= prefix(b).
  template <class Order = internal::Ascending>
  auto sort(Order order = {}, std::uint32_t count = 0, Site site = Site::current()) const {
    return sorted("sort", internal::Itself{}, internal::wrap_order(order), count, site);
  }
  /// All elements in the order of the key that f takes out of each.
  template <class F, class Order = internal::Ascending>
  auto sort_by(F f, Order order = {}, std::uint32_t count = 0, Site site = Site::current()) const {
    return sorted("sort_by", f, internal::wrap_order(order), count, site);
  }
  /// All pairs in the order of their keys.
  template <class Order = internal::Ascending>
  auto sort_by_key(Order order = {}, std::uint32_t count = 0, Site site = Site::current()) const
      requires(Parts::is_pair) {
    return sorted("sort_by_key", internal::First{}, internal::wrap_order(order), count, site);
  }

  /// Each pair's value folded into one per key by f(value, value), associative and commutative. The pairs of a
  /// partition come in the order of (hash of the key, key).
  template <class F>
  auto reduce_by_key(F f, std::uint32_t count = 0, Site site = Site::current()) const requires(Parts::is_pair) {
    using V = Owned<typename Parts::value>;
    static_assert(std::is_invocable_r_v<V, F&, V, V>, "reduce_by_key(f): f must take two values and return one");
    using Combiner = internal::ReduceCombiner<V, F>;
    return aggregated("reduce_by_key", Combiner{function(f, "reduce_by_key", site)}, count, site);
  }

  /// create(value) starts a key's result, add(result, value) folds a value in, merge(result, result) joins two; these
  /// return the new result, or take a result& and change it.
  template <class Create, class Add, class Merge>
  auto combine_by_key(Create create, Add add, Merge merge, std::uint32_t count = 0, Site site = Site::current()) const
      requires(Parts::is_pair) {
    using V = Owned<typename Parts::value>;
    using C = std::remove_cvref_t<std::invoke_result_t<Create&, V>>;
    using Combiner = internal::GeneralCombiner<V, C, Create, Add, Merge>;
    return aggregated("combine_by_key",
                      Combiner{function(create, "combine_by_key", site), function(add, "combine_by_key", site),
                               function(merge, "combine_by_key", site)},
                      count, site);
  }

  /// add(result, value) from `zero` on, merge(result, result) between partitions; as for combine_by_key().
  template <class C, class Add, class Merge>
  auto aggregate_by_key(C zero, Add add, Merge merge, std::uint32_t count = 0, Site site = Site::current()) const
      requires(Parts::is_pair) {
    using V = Owned<typename Parts::value>;
    auto create = capture(std::move(zero), bind(add, [](Add& fold, const C& start, V value) {
                            return internal::folded(C(start), fold, std::move(value));
                          }));
    return combine_by_key(std::move(create), std::move(add), std::move(merge), count, site);
  }

  /// f(value, value) from `zero` on; zero must be f's neutral element.
  template <class V, class F>
  auto fold_by_key(V zero, F f, std::uint32_t count = 0, Site site = Site::current()) const requires(Parts::is_pair) {
    return aggregate_by_key(zero, f, f, count, site);
  }

  /// (key, all its values in the order of the input). A key whose values do not fit in memory together needs
  /// reduce_groups().
  auto group_by_key(std::uint32_t count = 0, Site site = Site::current()) const requires(Parts::is_pair) {
    using K = typename Parts::key;
    using V = typename Parts::value;
    using Group = std::pair<K, std::vector<Owned<V>>>;
    auto gather = [](const K& key, auto& values, auto& emit) {
      Group group{key, {}};
      values.for_each([&](const V& value) { group.second.push_back(to_owned(value)); });
      emit(std::move(group));
    };
    return grouped<Group>("group_by_key", gather, count, site);
  }

  /// f(key, values, emit) for each key: values.next(value) or values.for_each(visit) goes through its values once, in
  /// the order of the input, without holding them all; emit(y) gives an element of type U.
  template <class U, class F>
  auto reduce_groups(F f, std::uint32_t count = 0, Site site = Site::current()) const requires(Parts::is_pair) {
    return grouped<U>("reduce_groups", f, count, site);
  }

  /// Each element once. The elements of a partition come in the order of (hash, content).
  auto distinct(std::uint32_t count = 0, Site site = Site::current()) const {
    struct Mark {
      std::pair<T, char> operator()(T x) const { return {std::move(x), 0}; }
    };
    struct Either {
      char operator()(char a, char) const { return a; }
    };
    return map(Mark{}, site).reduce_by_key(Either{}, count, site).keys(site);
  }

  /// f(key, lefts, rights, emit) for each key of either dataset; lefts.next(value) and rights.next(value) go through
  /// the values, each side once. What cogroup, the joins and subtract_by_key are made of.
  template <class U, class W, class OtherChain, class F>
  auto cogroup_with(const Dataset<W, OtherChain>& other, F f, std::uint32_t count = 0,
                    const char* operation = "cogroup_with", Site site = Site::current()) const
      requires(Parts::is_pair) {
    using K = typename Parts::key;
    using V = typename Parts::value;
    using Other = internal::PairParts<W>;
    static_assert(Other::is_pair, "the other dataset must hold pairs");
    static_assert(std::is_same_v<Owned<K>, Owned<typename Other::key>>, "both datasets must have keys of one type");
    const std::uint32_t to =
        count != 0 ? positive(count)
                   : std::max(session_->default_partitions(node_), session_->default_partitions(other.node_));
    auto left = shuffle<T>(operation, internal::HashPartitioner<K>{to}, to, site);
    auto right = other.template shuffle<W>(operation, internal::HashPartitioner<typename Other::key>{to}, to, site);
    auto joined = session_->narrow(operation, site, {left, right}, to);
    using C = internal::CogroupRead<K, V, typename Other::value, F, U>;
    return Dataset<U, C>(
        session_, joined,
        C{internal::id_of(left), internal::id_of(right), function(f, operation, site), internal::id_of(joined)});
  }

  /// (key, (values here, values there)) for each key of either.
  template <class W, class OtherChain>
  auto cogroup(const Dataset<W, OtherChain>& other, std::uint32_t count = 0, Site site = Site::current()) const
      requires(Parts::is_pair) {
    using K = typename Parts::key;
    using V = Owned<typename Parts::value>;
    using X = Owned<typename internal::PairParts<W>::value>;
    using U = std::pair<K, std::pair<std::vector<V>, std::vector<X>>>;
    auto gather = [](const K& key, auto& lefts, auto& rights, auto& emit) {
      U out{key, {}};
      typename Parts::value left{};
      while (lefts.next(left)) out.second.first.push_back(to_owned(left));
      typename internal::PairParts<W>::value right{};
      while (rights.next(right)) out.second.second.push_back(to_owned(right));
      emit(std::move(out));
    };
    return cogroup_with<U>(other, gather, count, "cogroup", site);
  }

  /// (key, (v, w)) for each pair of values with equal keys. The pairs of a partition come in the order of (hash of the
  /// key, key), then of the left, then of the right input. A key of any weight is joined within the memory budget.
  template <class W, class OtherChain>
  auto join(const Dataset<W, OtherChain>& other, std::uint32_t count = 0, Site site = Site::current()) const
      requires(Parts::is_pair) {
    return joined<false, false>("join", other, count, site);
  }
  /// As join(), and (key, (v, nullopt)) for the keys that are only here.
  template <class W, class OtherChain>
  auto left_outer_join(const Dataset<W, OtherChain>& other, std::uint32_t count = 0, Site site = Site::current()) const
      requires(Parts::is_pair) {
    return joined<true, false>("left_outer_join", other, count, site);
  }
  /// As join(), and (key, (nullopt, w)) for the keys that are only there.
  template <class W, class OtherChain>
  auto right_outer_join(const Dataset<W, OtherChain>& other, std::uint32_t count = 0, Site site = Site::current()) const
      requires(Parts::is_pair) {
    return joined<false, true>("right_outer_join", other, count, site);
  }
  /// Both of them.
  template <class W, class OtherChain>
  auto full_outer_join(const Dataset<W, OtherChain>& other, std::uint32_t count = 0, Site site = Site::current()) const
      requires(Parts::is_pair) {
    return joined<true, true>("full_outer_join", other, count, site);
  }

  /// The pairs whose key is not among the other's.
  template <class W, class OtherChain>
  auto subtract_by_key(const Dataset<W, OtherChain>& other, std::uint32_t count = 0, Site site = Site::current()) const
      requires(Parts::is_pair) {
    auto subtract = [](const typename Parts::key& key, auto& lefts, auto& rights, auto& emit) {
      if (rights.present) return;
      typename Parts::value value{};
      while (lefts.next(value)) emit(T{key, value});
    };
    return cogroup_with<T>(other, subtract, count, "subtract_by_key", site);
  }

  /// join() with a small dataset, which is collected, held in memory by every worker and looked up: no shuffle, and the
  /// order of this dataset is kept. With `keep_unmatched` the value there is optional, as in left_outer_join().
  template <bool keep_unmatched = false, class W, class OtherChain>
  auto broadcast_join(const Dataset<W, OtherChain>& small, Site site = Site::current()) const;

  // ---- actions: they run a job --------------------------------------------------------------------------------------

  /// All elements, in order. They must fit in memory, and, encoded, into --result-limit: throws Error(usage) beyond it.
  std::vector<Owned<T>> collect(Site site = Site::current()) const {
    std::vector<Owned<T>> out;
    gather("collect", site, [&](Owned<T>&& x) { out.push_back(std::move(x)); });
    return out;
  }

  /// visit(x) in the driver for each element, in order, while the job runs. Elements that are views are given as such,
  /// valid until visit returns, when visit can take them; else as what owns them.
  template <class Visit>
  void for_each_in_order(Visit visit, Site site = Site::current()) const {
    InOrder<Visit> in_order{visit};
    run_action<T>("for_each_in_order", site, chain_, {}, in_order);
  }

  std::uint64_t count(Site site = Site::current()) const {
    std::uint64_t total = 0;
    per_partition<std::uint64_t>(
        "count", site,
        [](auto& partition, auto& emit) {
          std::uint64_t n = 0;
          partition.for_each([&](auto&&) { ++n; });
          emit(n);
        },
        [&](std::uint64_t n) { total += n; });
    return total;
  }

  /// f(x) in the tasks, for its effects. Runs once for each element in a quiet run, and again where a task is retried.
  template <class F>
  void foreach (F f, Site site = Site::current()) const {
    auto each = bind(f, [](F& visit, auto& partition, auto&) {
      partition.for_each([&visit](auto&& x) { visit(std::forward<decltype(x)>(x)); });
    });
    per_partition<char>("foreach", site, each, [](char) {});
  }

  /// f folded over all elements: within each partition in order, then over the partitions in order.
  /// Throws Error(usage) for an empty dataset.
  template <class F>
  Owned<T> reduce(F f, Site site = Site::current()) const {
    using V = Owned<T>;
    auto reduce_partition = bind(f, [](F& join, auto& partition, auto& emit) {
      std::optional<V> sum;
      partition.for_each([&](auto&& x) {
        if (sum) {
          *sum = join(std::move(*sum), to_owned(x));
        } else {
          sum.emplace(to_owned(x));
        }
      });
      if (sum) emit(std::move(*sum));
    });
    std::optional<V> total;
    per_partition<V>("reduce", site, reduce_partition, [&](V&& sum) {
      if (total) {
        *total = f(std::move(*total), std::move(sum));
      } else {
        total.emplace(std::move(sum));
      }
    });
    if (!total) throw Error(Cause::usage, "reduce: the dataset is empty; use fold, which has a start value");
    return std::move(*total);
  }

  /// f(sum, x) from `zero` on in each partition, then f over the partitions; zero must be f's neutral element.
  template <class F>
  Owned<T> fold(Owned<T> zero, F f, Site site = Site::current()) const {
    return aggregate(zero, f, f, site);
  }

  /// add(sum, x) from `zero` on in each partition, then merge(sum, sum) over the partitions in order.
  template <class C, class Add, class Merge>
  C aggregate(C zero, Add add, Merge merge, Site site = Site::current()) const {
    C total = zero;
    per_partition<C>("aggregate", site, aggregator(zero, add),
                     [&](C&& sum) { total = merge(std::move(total), std::move(sum)); });
    return total;
  }

  /// As aggregate(), but partial results are merged in tasks, `fan_in` at a time, so that the driver is not where all
  /// of them meet. The grouping depends on the number of partitions alone.
  template <class C, class Add, class Merge>
  C tree_aggregate(C zero, Add add, Merge merge, std::uint32_t fan_in = 16, Site site = Site::current()) const {
    const std::uint32_t n = partitions();
    if (n <= positive(fan_in)) return aggregate(zero, add, merge, site);
    const std::uint32_t groups = (n + fan_in - 1) / fan_in;
    auto partial = map_partitions<C>(aggregator(zero, add), site);
    auto number = [fan_in](auto& partition, auto& emit) {
      partition.for_each([&](auto&& sum) { emit(std::pair<std::uint32_t, C>(partition.index() / fan_in, sum)); });
    };
    auto merged = partial.template map_partitions<std::pair<std::uint32_t, C>>(number, site)
                      .partition_by([](std::uint32_t group) { return group; }, groups, site)
                      .values(site);
    return merged.aggregate(zero, merge, merge, site);
  }

  /// How often each key occurs, by key.
  std::map<Owned<typename Parts::key>, std::uint64_t> count_by_key(Site site = Site::current()) const
      requires(Parts::is_pair) {
    std::map<Owned<typename Parts::key>, std::uint64_t> out;
    auto counts = map([](const T& pair) { return std::pair<typename Parts::key, std::uint64_t>(pair.first, 1); }, site)
                      .reduce_by_key(std::plus<>{}, 0, site);
    counts.gather("count_by_key", site,
                  [&](std::pair<Owned<typename Parts::key>, std::uint64_t>&& pair) { out.insert(std::move(pair)); });
    return out;
  }

  /// The first n elements in order; --result-limit holds. Runs no more partitions than it needs: one, then ever more.
  std::vector<Owned<T>> take(std::uint64_t n, Site site = Site::current()) const {
    std::vector<Owned<T>> out;
    auto limit = [n](auto& partition, auto& emit) {
      std::uint64_t left = n;
      if (left == 0) return;
      partition.for_each([&](auto&& x) {
        if (left == 0) return;
        emit(std::forward<decltype(x)>(x));
        if (--left == 0) TaskContext::current()->stop();
      });
    };
    auto limited = map_partitions<T>(limit, site);
    std::uint32_t next = 0;
    for (std::uint32_t step = 1; next < partitions() && out.size() < n; step *= 4) {
      std::vector<std::uint32_t> some;
      while (some.size() < step && next < partitions()) some.push_back(next++);
      limited.run_some("take", site, some, [&](Owned<T>&& x) {
        if (out.size() < n) out.push_back(std::move(x));
      });
    }
    return out;
  }

  /// The first element. Throws Error(usage) for an empty dataset.
  Owned<T> first(Site site = Site::current()) const {
    auto one = take(1, site);
    if (one.empty()) throw Error(Cause::usage, "first: the dataset is empty");
    return std::move(one.front());
  }

  /// The n largest elements by less(a, b), the largest first; of equal ones those that come first.
  template <class Less = std::less<>>
  std::vector<Owned<T>> top(std::uint64_t n, Less less = {}, Site site = Site::current()) const {
    return extremes<true>("top", n, std::move(less), site);
  }
  /// The n smallest elements by less(a, b), the smallest first; of equal ones those that come first.
  template <class Less = std::less<>>
  std::vector<Owned<T>> take_ordered(std::uint64_t n, Less less = {}, Site site = Site::current()) const {
    return extremes<false>("take_ordered", n, std::move(less), site);
  }

  /// n elements chosen at random by the seed, without repetition, in the order of the dataset; all when there are
  /// fewer.
  std::vector<Owned<T>> take_sample(std::uint64_t n, std::uint64_t seed = 0, Site site = Site::current()) const {
    using Ranked = std::pair<std::uint64_t, std::pair<std::uint64_t, T>>;
    struct Rank {
      std::uint64_t seed;
      Ranked operator()(const std::pair<T, std::uint64_t>& x) const {
        std::uint64_t state = (seed + 1) * 0x9e3779b97f4a7c15 ^ (x.second * 0xd1342543de82ef95);
        return {internal::Sample<Chain>::next(state), {x.second, x.first}};
      }
    };
    const auto ranked = zip_with_index(site).map(Rank{seed}, site);
    auto chosen = ranked.template extremes<false>(
        "take_sample", n,
        [](const auto& a, const auto& b) {
          return a.first != b.first ? a.first < b.first : a.second.first < b.second.first;
        },
        site);
    std::sort(chosen.begin(), chosen.end(),
              [](const auto& a, const auto& b) { return a.second.first < b.second.first; });
    std::vector<Owned<T>> out;
    for (auto& x : chosen) out.push_back(std::move(x.second.second));
    return out;
  }

  /// The sum of numbers; 0 when there are none. Integers are summed as integers.
  T sum(Site site = Site::current()) const requires(std::is_arithmetic_v<T>) {
    return aggregate(T{}, std::plus<T>{}, std::plus<T>{}, site);
  }
  Owned<T> min(Site site = Site::current()) const {
    return reduce([](Owned<T> a, Owned<T> b) { return b < a ? b : a; }, site);
  }
  Owned<T> max(Site site = Site::current()) const {
    return reduce([](Owned<T> a, Owned<T> b) { return a < b ? b : a; }, site);
  }
  double mean(Site site = Site::current()) const requires(std::is_arithmetic_v<T>) { return statistics(site).mean; }
  double stdev(Site site = Site::current()) const requires(std::is_arithmetic_v<T>) { return statistics(site).stdev; }
  /// Count, sum, mean, minimum, maximum and standard deviation in one pass. (Chan, Golub and LeVeque, "Updating
  /// formulae and a pairwise algorithm for computing sample variances", 1979.) Throws Error(usage) for an empty
  /// dataset.
  Statistics statistics(Site site = Site::current()) const requires(std::is_arithmetic_v<T>);

  /// How many numbers lie in each of the buckets [bounds[i], bounds[i+1]), the last one closed. `bounds` ascend.
  std::vector<std::uint64_t> histogram(const std::vector<double>& bounds, Site site = Site::current()) const
      requires(std::is_arithmetic_v<T>);

  // ---- output: part files, in a directory that appears when it is complete ------------------------------------------

  /// One line an element, part-00000 … in `directory`. Text is written as it is, numbers in decimal, the parts of pairs
  /// and tuples between tabs, lists with commas; for other types define to_text(std::string&, const T&). Throws
  /// Error(output) when the directory exists, unless --overwrite was given.
  void write_text(const std::string& directory, Site site = Site::current()) const {
    write_parts("write_text", directory, "", site, [](std::string& out, const T& x) {
      internal::print_text(out, x);
      out.push_back('\n');
    });
  }
  /// One row an element (RFC 4180), part-00000.csv ….
  void write_csv(const std::string& directory, const CsvOutput& options = {}, Site site = Site::current()) const;
  /// Fixed-size binary records: the object's bytes, or for text the text itself without a newline.
  void write_records(const std::string& directory, Site site = Site::current()) const {
    static_assert(internal::Plain<T> || internal::TextKey<T>, "write_records(): elements must be plain bytes or text");
    write_parts("write_records", directory, "", site, [](std::string& out, const T& x) {
      if constexpr (internal::TextKey<T>) {
        out.append(x);
      } else {
        out.append(reinterpret_cast<const char*>(&x), sizeof(T));
      }
    });
  }
  /// Millrace's own record files (docs/formats.md), which Context::load<T> reads back.
  void save(const std::string& directory, Site site = Site::current()) const;
  /// f(out, x) appends an element to the text of its part file.
  template <class F>
  void write_parts(const char* operation, const std::string& directory, const std::string& suffix, Site site, F f,
                   const std::string& header = {}) const;

  /// A format of the user's own: write(out, x) appends the bytes of an element to the std::string `out`; or
  /// write(partition, file) writes a whole part, going through it by partition.for_each(visit) and calling
  /// file.write(bytes). Part files are named part-00000 and `suffix`.
  template <class F>
  void write_with(const std::string& directory, F write, const std::string& suffix = {},
                  Site site = Site::current()) const {
    if constexpr (std::is_invocable_v<F&, internal::PartitionElements<Chain>&, internal::PartFile&>) {
      write_files("write_with", directory, suffix, site, bind(std::move(write), [](F& f, auto& partition, auto&) {
                    auto file = TaskContext::current()->part_file();
                    f(partition, *file);
                    file->close();
                  }));
    } else {
      write_parts("write_with", directory, suffix, site, std::move(write));
    }
  }

  // ---- persistence
  // ---------------------------------------------------------------------------------------------------

  /// This dataset, kept once it is computed: use the returned one. Partitions that are evicted are computed again.
  auto cache(Site site = Site::current()) const { return persist(Persist::memory, site); }
  auto persist(Persist level, Site site = Site::current()) const {
    using C = internal::Cached<Chain>;
    auto kept = session_->persist(site, node_, level);
    return Dataset<T, C>(session_, kept, C{chain_, internal::id_of(kept)});
  }
  /// Drops what cache() or persist() kept of this dataset. It can be used on.
  void unpersist() const { session_->unpersist(node_); }
  /// Writes this dataset to record files now and returns one that reads them: its lineage begins there.
  Dataset<Owned<T>, internal::EncodedSource<Owned<T>>> checkpoint(Site site = Site::current()) const;

  /// The lineage, cut into stages, and what is cached, as text.
  std::string explain() const { return session_->explain(node_); }

 private:
  template <class, class>
  friend class Dataset;
  template <class, class, class, class>
  friend class MapReduce;
  friend class Context;

  template <class F>
  auto function(F f, const char* operation, Site site) const {
    return internal::keep_function(*session_, std::move(f), operation, site);
  }
  internal::NodePtr node(const char* operation, Site site, bool elementwise) const {
    return session_->narrow(operation, site, {node_}, partitions(), elementwise);
  }
  template <class U, class Make>
  auto then(const char* operation, Site site, Make make, bool elementwise = true) const {
    auto next = node(operation, site, elementwise);
    auto chain = make(internal::id_of(next));
    return Dataset<U, decltype(chain)>(session_, std::move(next), std::move(chain));
  }
  /// body(f, x...) as one function that travels as f does.
  template <class F, class Body>
  static auto bind(F f, Body body) {
    return internal::Bound<Body, F>{internal::Function<F>(std::move(f)), internal::Function<Body>(std::move(body))};
  }
  template <class F>
  auto map_named(const char* operation, F f, Site site) const {
    using C = internal::Map<Chain, F>;
    return then<std::remove_cvref_t<typename C::element>>(operation, site, [&](std::uint32_t id) {
      return C{chain_, function(f, operation, site), id};
    });
  }

  static std::uint32_t positive(std::uint32_t count) {
    if (count == 0) throw Error(Cause::usage, "the number of partitions must be at least 1");
    return count;
  }
  std::uint32_t parts(std::uint32_t count) const { return count != 0 ? count : session_->default_partitions(node_); }

  template <class U, class Partitioner>
  internal::NodePtr shuffle(const char* operation, Partitioner partitioner, std::uint32_t count, Site site) const {
    using Terminal = internal::ScatterTerminal<U, Partitioner>;
    return session_->shuffle(operation, site, node_, internal::stage_code<Chain, Terminal>(),
                             internal::stage_closure(chain_, Terminal{std::move(partitioner)}), count);
  }
  template <class U, class Partitioner>
  auto scatter(const char* operation, Partitioner partitioner, std::uint32_t count, Site site) const {
    auto shuffled = shuffle<U>(operation, std::move(partitioner), count, site);
    return Dataset<U, internal::ShuffleRead<U>>(session_, shuffled, {internal::id_of(shuffled)});
  }

  template <class Combiner>
  auto aggregated(const char* operation, Combiner combiner, std::uint32_t count, Site site) const {
    using K = typename Parts::key;
    using Terminal = internal::AggregateTerminal<K, Combiner>;
    using C = internal::AggregateRead<K, Combiner>;
    const std::uint32_t to = parts(count);
    auto shuffled = session_->shuffle(operation, site, node_, internal::stage_code<Chain, Terminal>(),
                                      internal::stage_closure(chain_, Terminal{to, combiner}), to);
    return Dataset<typename C::element, C>(session_, shuffled, C{internal::id_of(shuffled), to, combiner});
  }

  template <class U, class F>
  auto grouped(const char* operation, F f, std::uint32_t count, Site site) const {
    using K = typename Parts::key;
    using C = internal::GroupedRead<K, typename Parts::value, F, U>;
    const std::uint32_t to = parts(count);
    auto shuffled = shuffle<T>(operation, internal::HashPartitioner<K>{to}, to, site);
    return Dataset<U, C>(session_, shuffled,
                         C{internal::id_of(shuffled), function(f, operation, site), internal::id_of(shuffled)});
  }

  template <bool keep_left, bool keep_right, class W, class OtherChain>
  auto joined(const char* operation, const Dataset<W, OtherChain>& other, std::uint32_t count, Site site) const {
    using K = typename Parts::key;
    using V = typename Parts::value;
    using X = typename internal::PairParts<W>::value;
    using Left = std::conditional_t<keep_right, std::optional<V>, V>;
    using Right = std::conditional_t<keep_left, std::optional<X>, X>;
    using U = std::pair<K, std::pair<Left, Right>>;
    auto match = [](const K& key, auto& lefts, auto& rights, auto& emit) {
      if (!keep_left && !rights.present) return;
      if (!keep_right && !lefts.present) return;
      internal::HeldValues<X> held(*TaskContext::current());
      held.fill(rights);
      V left{};
      while (lefts.next(left)) {
        if constexpr (keep_left) {
          if (held.empty()) emit(U{key, {Left(left), std::nullopt}});
        }
        held.for_each([&](X&& right) { emit(U{key, {Left(left), Right(std::move(right))}}); });
      }
      if constexpr (keep_right) {
        if (!lefts.present) held.for_each([&](X&& right) { emit(U{key, {std::nullopt, Right(std::move(right))}}); });
      }
    };
    return cogroup_with<U>(other, match, count, operation, site);
  }

  template <class Partitioner, class Order>
  auto sorted_within(Partitioner partitioner, Order order, std::uint32_t count, Site site) const {
    const char* const operation = "repartition_and_sort_within_partitions";
    using C = internal::SortedRead<T, internal::First, Order>;
    auto kept_order = function(order, operation, site);
    auto shuffled = shuffle<T>(operation, std::move(partitioner), count, site);
    return Dataset<T, C>(session_, shuffled,
                         C{internal::id_of(shuffled), internal::Function(internal::First{}), std::move(kept_order)});
  }

  template <class KeyOf, class Order>
  auto sorted(const char* operation, KeyOf key_of, Order order, std::uint32_t count, Site site) const {
    static_assert(std::is_invocable_v<KeyOf&, const T&>, "sort_by(f): f must take an element and return its key");
    auto kept_key = function(key_of, operation, site);
    auto kept_order = function(order, operation, site);
    const std::uint32_t to = parts(count);
    auto partitioner = ranges(kept_key, kept_order, to, site);
    using C = internal::SortedRead<T, KeyOf, Order>;
    if constexpr (internal::GivesInput<Chain>) {
      if (const internal::NodePtr lying = session_->in_memory(node_)) {
        using Terminal = internal::ReferTerminal<decltype(partitioner)>;
        auto referred = session_->shuffle(operation, site, lying, internal::stage_code<Chain, Terminal>(),
                                          internal::stage_closure(chain_, Terminal{std::move(partitioner)}), to);
        return Dataset<T, C>(session_, referred,
                             C{internal::id_of(referred), std::move(kept_key), std::move(kept_order), true});
      }
    }
    auto shuffled = shuffle<T>(operation, std::move(partitioner), to, site);
    return Dataset<T, C>(session_, shuffled, C{internal::id_of(shuffled), std::move(kept_key), std::move(kept_order)});
  }

  /// Range bounds from a sample of the keys: of the source's input where only narrow operations lie between, else of
  /// some whole partitions. Either depends on the data and on the number of partitions alone.
  template <class KeyOf, class Order>
  auto ranges(internal::Function<KeyOf> key_of, internal::Function<Order> order, std::uint32_t count, Site site) const {
    using Partitioner = internal::RangePartitioner<T, KeyOf, Order>;
    using Key = typename Partitioner::Key;
    std::vector<Key> keys;
    if (count > 1) sample_keys(key_of, site, keys);
    Order& less = order.get();
    std::sort(keys.begin(), keys.end(), [&](const Key& a, const Key& b) { return less(a, b); });
    std::vector<Key> bounds;
    for (std::uint32_t i = 1; i < count && !keys.empty(); ++i) {
      const Key& bound = keys[keys.size() * i / count];
      if (bounds.empty() || less(bounds.back(), bound)) bounds.push_back(bound);
    }
    return Partitioner(std::move(key_of), std::move(order), std::move(bounds));
  }
  template <class KeyOf, class Key>
  void sample_keys(const internal::Function<KeyOf>& key_of, Site site, std::vector<Key>& keys) const;

  template <class U, class F, class Visit>
  void per_partition(const char* operation, Site site, F f, Visit visit) const {
    map_partitions<U>(std::move(f), site).run_action_here(operation, site, visit);
  }
  template <class Visit>
  void run_action_here(const char* operation, Site site, Visit& visit) const {
    run_action<T>(operation, site, chain_, {}, visit);
  }
  template <class Visit>
  void run_some(const char* operation, Site site, std::vector<std::uint32_t> some, Visit visit) const {
    run_action<T>(operation, site, chain_, std::move(some), visit, internal::Results::gathered);
  }
  template <class Visit>
  struct InOrder {
    Visit& visit;
    template <class X>
    requires std::is_same_v<std::remove_cvref_t<X>, T>
    void operator()(X&& x) {
      if constexpr (std::is_invocable_v<Visit&, X&&>) {
        visit(std::forward<X>(x));
      } else {
        visit(to_owned(x));
      }
    }
  };
  template <class Visit>
  void gather(const char* operation, Site site, Visit visit) const {
    run_action<T>(operation, site, chain_, {}, visit, internal::Results::gathered);
  }
  /// Runs a job whose tasks send elements of type U to the driver, which visits them as Owned<U>, in order.
  template <class U, class C, class Visit>
  void run_action(const char* operation, Site site, const C& chain, std::vector<std::uint32_t> some, Visit& visit,
                  internal::Results results = internal::Results::streamed, const std::string& output = {},
                  const std::string& suffix = {}) const {
    auto action = action_of<U>(operation, site, chain);
    action.partitions = std::move(some);
    action.results = results;
    action.output_directory = output;
    action.part_suffix = suffix;
    session_->run(std::move(action), [&](std::span<const std::byte> block) {
      Decoder in(block);
      while (!in.done()) {
        if constexpr (std::is_invocable_v<Visit&, Owned<U>&&>) {
          visit(to_owned(in.template get<U>()));
        } else {
          visit(in.template get<U>());
        }
      }
    });
  }
  /// Runs a job whose tasks send the elements to the driver, which visits the encoded ones, many at a time, in order,
  /// and keeps them.
  template <class Visit>
  void gather_blocks(const char* operation, Site site, Visit visit) const {
    auto action = action_of<T>(operation, site, chain_);
    action.results = internal::Results::gathered;
    session_->run(std::move(action), visit);
  }
  template <class U, class C>
  internal::Action action_of(const char* operation, Site site, const C& chain) const {
    static_assert(Element<U>, "this element type has no millrace::Codec; see millrace/codec.h");
    using Terminal = internal::CollectTerminal<U>;
    internal::Action action;
    action.node = node_;
    action.operation = operation;
    action.site = site;
    action.code = internal::stage_code<C, Terminal>();
    action.closure = internal::stage_closure(chain, Terminal{});
    return action;
  }

  /// Runs write(partition, emit) in tasks that write part files.
  template <class F>
  void write_files(const char* operation, const std::string& directory, const std::string& suffix, Site site,
                   F write) const {
    auto written = map_partitions<char>(std::move(write), site);
    auto ignore = [](char) {};
    written.template run_action<char>(operation, site, written.chain_, {}, ignore, internal::Results::streamed,
                                      directory, suffix);
  }

  template <class C, class Add>
  static auto aggregator(const C& zero, Add add) {
    return capture(zero, bind(add, [](Add& fold, const C& start, auto& partition, auto& emit) {
                     C sum = start;
                     partition.for_each([&](auto&& x) { sum = fold(std::move(sum), std::forward<decltype(x)>(x)); });
                     emit(std::move(sum));
                   }));
  }

  template <bool largest, class Less>
  std::vector<Owned<T>> extremes(const char* operation, std::uint64_t n, Less less, Site site) const;

  std::vector<std::uint64_t> partition_starts(Site site) const {
    std::vector<std::uint64_t> starts(1, 0);
    per_partition<std::uint64_t>(
        "count", site,
        [](auto& partition, auto& emit) {
          std::uint64_t count = 0;
          partition.for_each([&](auto&&) { ++count; });
          emit(count);
        },
        [&](std::uint64_t count) { starts.push_back(starts.back() + count); });
    return starts;
  }

  std::shared_ptr<internal::Session> session_;
  internal::NodePtr node_;
  Chain chain_;
};

}  // namespace millrace

#include <millrace/internal/dataset_actions.h>
