#pragma once

#include <millrace/dataset.h>
#include <millrace/internal/reduce.h>

// MapReduce as Dean and Ghemawat describe it ("MapReduce: Simplified Data Processing on Large Clusters", OSDI 2004), on
// the same plan as the operations of Dataset. A word count:
//
//   auto counts = millrace::map_reduce<std::string_view, std::uint64_t>(context.read_text(input))
//                     .map([](std::string_view line, auto& emit) {
//                       millrace::words(line, [&](std::string_view word) { emit(word, 1); });
//                     })
//                     .combine(std::plus<>{})
//                     .reduce([](std::string_view word, auto& counts, auto& emit) {
//                       std::uint64_t sum = 0;
//                       for (std::uint64_t count : counts) sum += count;
//                       emit(word, sum);
//                     });
//   counts.write_text(output);
//
// What the paper has, and where it is:
//
//   2.2  types (k1, v1) -> list(k2, v2), (k2, list(v2)) -> list(v2)   map_reduce<K, V>(), map(), reduce()
//   3.1  M map tasks and R reduce tasks                               --split or Options::split_bytes; reducers()
//   3.1  chains of jobs                                               reduce() returns a Dataset; no files between jobs
//   4.1  partitioning function                                        partition(), partition_by_range()
//   4.2  increasing key order within a partition                      always; sort_keys() chooses another order
//   4.3  combiner function                                            combine()
//   4.4  input types; output types                                    Context::read_* and read_with() (reader.h);
//                                                                     Dataset::write_* and write_with()
//   4.5  side-effect files, committed with the task                   side_output()
//   4.6  skipping bad records                                         --skip-bad-records
//   4.7  local execution, for debugging                               --threads 0
//   4.8  status information                                           --progress, --events, --report
//   4.9  counters                                                     count(), Context::counter()
//
// Beyond the paper, as in Hadoop: secondary sort, by an order of values (sort_values()) or by grouping on a part of the
// key (group_by()).

namespace millrace {

namespace internal {

/// By the hash of the key, the default of the paper.
struct ByHash {
  template <class K, class Group>
  static auto make(const Function<Group>& group, std::uint32_t partitions) {
    return GroupHash<K, Group>{partitions, group};
  }
};
template <class F>
struct ByFunction {
  Function<F> f;
  template <class K, class Group>
  auto make(const Function<Group>&, std::uint32_t partitions) const {
    return UserPartition<K, F>{partitions, f};
  }
};
struct ByRange {};

struct NoCombiner {};
template <class F>
struct Combiner {
  Function<F> f;
};

/// What a MapReduce was told, beside what it reads.
template <class Group, class KeyOrder, class ValueOrder, class Partition, class Combine>
struct MapReduceParts {
  Function<Group> group;
  Function<KeyOrder> key_order;
  Function<ValueOrder> value_order;
  Partition partition;
  Combine combine;
  std::uint32_t reducers = 0;

  template <class G>
  auto with_group(Function<G> f) const {
    return MapReduceParts<G, KeyOrder, ValueOrder, Partition, Combine>{f,         key_order, value_order,
                                                                       partition, combine,   reducers};
  }
  template <class O>
  auto with_key_order(Function<O> order) const {
    return MapReduceParts<Group, O, ValueOrder, Partition, Combine>{group,     order,   value_order,
                                                                    partition, combine, reducers};
  }
  template <class O>
  auto with_value_order(Function<O> order) const {
    return MapReduceParts<Group, KeyOrder, O, Partition, Combine>{group,     key_order, order,
                                                                  partition, combine,   reducers};
  }
  template <class P>
  auto with_partition(P other) const {
    return MapReduceParts<Group, KeyOrder, ValueOrder, P, Combine>{group, key_order, value_order,
                                                                   other, combine,   reducers};
  }
  template <class C>
  auto with_combine(C other) const {
    return MapReduceParts<Group, KeyOrder, ValueOrder, Partition, C>{group,     key_order, value_order,
                                                                     partition, other,     reducers};
  }
  auto with_reducers(std::uint32_t count) const {
    auto out = *this;
    out.reducers = count;
    return out;
  }
};

using DefaultParts = MapReduceParts<Itself, Ascending, AsTheyCome, ByHash, NoCombiner>;

}  // namespace internal

/// A MapReduce that is being put together; map_reduce() begins one and reduce() ends it. K and V are the types of the
/// keys and values between map and reduce, and may be views: what a map function emits is copied before emit returns.
///
/// K needs ==, and < unless sort_keys() gives an order. All functions travel to the tasks and follow the rules of
/// dataset.h. A value type: each call returns a new one, and nothing runs before an action on the result.
template <class K, class V, class Data, class Parts>
class MapReduce {
 public:
  MapReduce(Data data, Parts parts) : data_(std::move(data)), parts_(std::move(parts)) {}

  /// f(element, emit) calls emit(key, value) any number of times. Left out when the input consists of pairs already.
  template <class F>
  auto map(F f, Site site = Site::current()) const {
    auto body = [](F& function, auto&& element, auto& emit) {
      const internal::Emit<std::pair<K, V>, std::remove_reference_t<decltype(emit)>> emit_pair{emit};
      function(std::forward<decltype(element)>(element), emit_pair);
    };
    using Chain = typename Data::chain_type;
    using Body = internal::Bound<decltype(body), F>;
    using C = internal::FlatMap<Chain, Body, std::pair<K, V>>;
    auto mapped = data_.template then<std::pair<K, V>>("map", site, [&](std::uint32_t id) {
      return C{data_.chain_, data_.function(Data::bind(f, body), "map", site), id};
    });
    return MapReduce<K, V, decltype(mapped), Parts>(std::move(mapped), parts_);
  }

  /// Combines values of equal keys before they leave the map task (4.3): a fold f(value, value), or a function of the
  /// form of reduce, f(key, values, emit), where emit(value) keeps the key. It runs any number of times on any part of
  /// a key's values, so it has to be associative and commutative.
  template <class F>
  auto combine(F f, Site site = Site::current()) const {
    return with(parts_.with_combine(internal::Combiner<F>{data_.function(f, "combine", site)}));
  }

  /// Places keys by f(key) or f(key, reducers) (4.1): a number is taken modulo the number of partitions, anything else
  /// is hashed, as in hash(Hostname(urlkey)) mod R. Keys for which f is equal end up in one partition. Without it keys
  /// are placed by their own hash, or that of the part that group_by() names.
  template <class F>
  auto partition(F f, Site site = Site::current()) const {
    return with(parts_.with_partition(internal::ByFunction<F>{data_.function(f, "partition", site)}));
  }
  /// Places keys by ranges of their order, taken from a sample, so that the partitions one after the other are sorted.
  auto partition_by_range() const { return with(parts_.with_partition(internal::ByRange{})); }

  /// The number of reduce tasks, and so of output files. Without it --reducers, or chosen from the size of the input.
  auto reducers(std::uint32_t count) const { return with(parts_.with_reducers(Data::positive(count))); }

  /// The order of the keys inside a partition: millrace::ascending (4.2; the default), millrace::descending, or a
  /// function less(a, b). Keys of which neither comes before the other are one group, and have to be placed alike.
  template <class Order>
  auto sort_keys(Order order, Site site = Site::current()) const {
    return with(parts_.with_key_order(data_.function(internal::wrap_order(order), "sort_keys", site)));
  }

  /// Secondary sort: the values of a group come in this order (among those of equal keys). Without it in the order of
  /// the input.
  template <class Order = internal::Ascending>
  auto sort_values(Order order = {}, Site site = Site::current()) const {
    return with(parts_.with_value_order(data_.function(internal::wrap_order(order), "sort_values", site)));
  }

  /// Secondary sort: a reduce call gets all pairs for whose keys f, a part of the key, is equal; groups come in the
  /// order of that part, and a group's values in the order of their whole keys (values.key()).
  template <class F>
  auto group_by(F f, Site site = Site::current()) const {
    static_assert(std::is_invocable_v<F&, const K&>, "group_by(f): f must take a key and return a part of it");
    return with(parts_.with_group(data_.function(f, "group_by", site)));
  }

  /// f(key, values, emit) for each group, in the order of the keys of a partition; `values` is a ReduceValues, gone
  /// through once: `for (auto value : values)`. emit(x) gives an element of type U, and emit(a, b) makes it of two
  /// parts. With group_by() the key is the first of its group. Or f(value, value), which folds each group's values and
  /// gives pairs of the key and the result.
  template <class U = std::pair<K, V>, class F>
  auto reduce(F f, Site site = Site::current()) const {
    using Owner = Owned<V>;
    if constexpr (std::is_invocable_r_v<Owner, F&, Owner, Owner>) {
      auto fold = [](F& join, const K& key, auto& values, auto& emit) {
        std::optional<Owner> sum;
        values.for_each([&](V&& value) {
          if (sum) {
            *sum = join(std::move(*sum), Owner(std::move(value)));
          } else {
            sum.emplace(std::move(value));
          }
        });
        emit(key, *sum);
      };
      return reduced<U>(Data::bind(std::move(f), fold), site);
    } else {
      return reduced<U>(std::move(f), site);
    }
  }

 private:
  template <class Other>
  auto with(Other parts) const {
    return MapReduce<K, V, Data, Other>(data_, std::move(parts));
  }

  template <class U, class F>
  auto reduced(F f, Site site) const {
    const std::uint32_t to = data_.parts(parts_.reducers);
    const internal::NodePtr shuffled = shuffle(partitioner(to, site), to, site);
    return read<U>(shuffled, data_.function(std::move(f), "reduce", site), parts_.group, parts_.key_order,
                   parts_.value_order);
  }
  template <class U, class Group, class KeyOrder, class ValueOrder, class F>
  auto read(const internal::NodePtr& shuffled, internal::Function<F> f, const internal::Function<Group>& group,
            const internal::Function<KeyOrder>& key_order, const internal::Function<ValueOrder>& value_order) const {
    using C = internal::ReduceRead<K, V, Group, KeyOrder, ValueOrder, F, U>;
    const std::uint32_t id = internal::id_of(shuffled);
    return Dataset<U, C>(data_.session_, shuffled, C{id, group, key_order, value_order, std::move(f), id});
  }

  auto partitioner(std::uint32_t to, Site site) const {
    if constexpr (std::is_same_v<decltype(parts_.partition), internal::ByRange>) {
      return ranges(parts_.group, to, site);
    } else {
      return parts_.partition.template make<K>(parts_.group, to);
    }
  }
  template <class Group>
  auto ranges(const internal::Function<Group>& group, std::uint32_t to, Site site) const {
    const auto keys = data_.keys(site);
    if constexpr (std::is_same_v<Group, internal::Itself>) {
      return keys.ranges(group, parts_.key_order, to, site);
    } else {
      return keys.ranges(group, internal::Function(internal::Ascending{}), to, site);
    }
  }

  template <class Partitioner>
  internal::NodePtr shuffle(Partitioner to_partition, std::uint32_t to, Site site) const {
    return shuffle(std::move(to_partition), to, site, parts_.combine, parts_.key_order);
  }
  template <class Partitioner, class KeyOrder>
  internal::NodePtr shuffle(Partitioner to_partition, std::uint32_t to, Site site, const internal::NoCombiner&,
                            const internal::Function<KeyOrder>&) const {
    return data_.template shuffle<std::pair<K, V>>("reduce", internal::OfKey<Partitioner>{std::move(to_partition)}, to,
                                                   site);
  }
  template <class Partitioner, class KeyOrder, class F>
  internal::NodePtr shuffle(Partitioner to_partition, std::uint32_t to, Site site, const internal::Combiner<F>& combine,
                            const internal::Function<KeyOrder>& key_order) const {
    using Owner = Owned<V>;
    if constexpr (std::is_invocable_r_v<Owner, F&, Owner, Owner>) {
      using Terminal = internal::FoldingTerminal<K, V, F, Partitioner>;
      return end_stage(Terminal{{combine.f}, std::move(to_partition)}, to, site);
    } else {
      using Terminal = internal::CombiningTerminal<K, V, F, KeyOrder, Partitioner>;
      return end_stage(Terminal{combine.f, key_order, std::move(to_partition)}, to, site);
    }
  }
  template <class Terminal>
  internal::NodePtr end_stage(const Terminal& terminal, std::uint32_t to, Site site) const {
    return data_.session_->shuffle("reduce", site, data_.node_,
                                   internal::stage_code<typename Data::chain_type, Terminal>(),
                                   internal::stage_closure(data_.chain_, terminal), to);
  }

  Data data_;
  Parts parts_;
};

/// A further output of the calling task (4.5), apart from its part file: text or bytes under a name of the user's, in
/// `_NAME/part-00000` … of the directory that the job writes. It is committed with the task, so what an attempt wrote
/// that failed or came second never shows; readers of the directory pass over it, and read it by its own name. It can
/// be written where the job's last stage runs: in reduce functions, in what follows them, and in map functions of jobs
/// that reduce nothing. Throws Error(usage) elsewhere, and for a job that writes no files.
///
///   millrace::side_output("errors").write(line + "\n");
inline internal::PartFile& side_output(std::string_view name) {
  TaskContext* task = TaskContext::current();
  if (task == nullptr) throw Error(Cause::usage, "millrace::side_output was called outside of a task");
  return task->side_output(name);
}

/// Begins a MapReduce over the elements of a dataset. K and V are the types of the keys and values between map and
/// reduce.
template <class K, class V, class T, class Chain>
auto map_reduce(const Dataset<T, Chain>& input) {
  using internal::Function;
  internal::DefaultParts parts{
      Function(internal::Itself{}), Function(internal::Ascending{}), Function(internal::AsTheyCome{}), {}, {}, 0};
  return MapReduce<K, V, Dataset<T, Chain>, internal::DefaultParts>(input, parts);
}

}  // namespace millrace
