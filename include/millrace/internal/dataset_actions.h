#pragma once

#include <millrace/dataset.h>

// The longer members of Dataset.

namespace millrace {

template <class T, class Chain>
template <class KeyOf, class Key>
void Dataset<T, Chain>::sample_keys(const internal::Function<KeyOf>& key_of, Site site, std::vector<Key>& keys) const {
  // Enough that the largest of the partitions is rarely more than half as large again as the mean.
  constexpr std::uint64_t most = 100000;
  using C = internal::Map<Chain, KeyOf>;
  const C chain{chain_, key_of, internal::id_of(node_)};
  std::uint64_t seen = 0;
  std::uint64_t step = 1;
  auto visit = [&](Key&& key) {
    if (seen++ % step != 0) return;
    keys.push_back(std::move(key));
    if (keys.size() < most) return;
    step *= 2;  // thin out: every second of those kept, and of those to come
    for (std::size_t i = 0; i < keys.size() / 2; ++i) keys[i] = std::move(keys[2 * i]);
    keys.resize(keys.size() / 2);
  };
  if (session_->can_sample(node_)) return run_action<Key>("sample", site, chain, {}, visit, internal::Results::sampled);
  std::vector<std::uint32_t> some;
  const std::uint32_t wanted = (partitions() + 15) / 16;
  for (std::uint32_t i = 0; i < wanted; ++i) {
    some.push_back(static_cast<std::uint32_t>((2 * std::uint64_t{i} + 1) * partitions() / (2 * wanted)));
  }
  if (!some.empty()) run_action<Key>("sample", site, chain, some, visit);
}

namespace internal {
/// The first `most` elements of an order, equal ones by when they came. The same code in the tasks and in the driver.
template <class T, bool largest, class Less>
class Extremes {
 public:
  Extremes(Less& less, std::uint64_t most) : less_(less), most_(most) {}

  template <class X>
  void add(X&& x) {
    ++place_;
    if (heap_.size() != most_) {
      heap_.emplace_back(place_, to_owned(std::forward<X>(x)));
    } else {
      if (most_ == 0 || !before(x, heap_.front().second)) return;
      std::pop_heap(heap_.begin(), heap_.end(), better());
      heap_.back() = Placed(place_, to_owned(std::forward<X>(x)));
    }
    std::push_heap(heap_.begin(), heap_.end(), better());
  }
  /// Visits them in order. Nothing can be added afterwards.
  template <class Visit>
  void take(Visit&& visit) {
    std::sort_heap(heap_.begin(), heap_.end(), better());
    for (Placed& x : heap_) visit(std::move(x.second));
  }

 private:
  using Placed = std::pair<std::uint64_t, T>;
  template <class A, class B>
  bool before(const A& a, const B& b) const {
    return largest ? less_(b, a) : less_(a, b);
  }
  auto better() const {
    return [this](const Placed& a, const Placed& b) {
      if (before(a.second, b.second)) return true;
      if (before(b.second, a.second)) return false;
      return a.first < b.first;
    };
  }

  Less& less_;
  const std::uint64_t most_;
  std::uint64_t place_ = 0;
  std::vector<Placed> heap_;  // the worst of them on top
};
}  // namespace internal

template <class T, class Chain>
template <bool largest, class Less>
std::vector<Owned<T>> Dataset<T, Chain>::extremes(const char* operation, std::uint64_t n, Less less, Site site) const {
  using Best = internal::Extremes<Owned<T>, largest, Less>;
  auto select = [](Less& order, const std::uint64_t& most, auto& partition, auto& emit) {
    Best best(order, most);
    if (most == 0) return;
    partition.for_each([&](auto&& x) { best.add(std::forward<decltype(x)>(x)); });
    best.take(emit);
  };
  Best best(less, n);
  map_partitions<Owned<T>>(capture(n, bind(less, select)), site).gather(operation, site, [&](Owned<T>&& x) {
    best.add(std::move(x));
  });
  std::vector<Owned<T>> out;
  best.take([&](Owned<T>&& x) { out.push_back(std::move(x)); });
  return out;
}

template <class T, class Chain>
Statistics Dataset<T, Chain>::statistics(Site site) const requires(std::is_arithmetic_v<T>) {
  struct Moments {
    std::uint64_t count = 0;
    double mean = 0, squares = 0, sum = 0, min = 0, max = 0;
    Moments merged(const Moments& other) const {
      if (count == 0) return other;
      if (other.count == 0) return *this;
      Moments out;
      out.count = count + other.count;
      const double delta = other.mean - mean;
      const auto n = static_cast<double>(out.count);
      out.mean = mean + delta * static_cast<double>(other.count) / n;
      out.squares =
          squares + other.squares + delta * delta * static_cast<double>(count) * static_cast<double>(other.count) / n;
      out.sum = sum + other.sum;
      out.min = std::min(min, other.min);
      out.max = std::max(max, other.max);
      return out;
    }
  };
  const Moments all = aggregate(
      Moments{},
      [](Moments m, T value) {
        const auto x = static_cast<double>(value);
        m.min = m.count == 0 ? x : std::min(m.min, x);
        m.max = m.count == 0 ? x : std::max(m.max, x);
        ++m.count;
        m.sum += x;
        const double delta = x - m.mean;
        m.mean += delta / static_cast<double>(m.count);
        m.squares += delta * (x - m.mean);
        return m;
      },
      [](const Moments& a, const Moments& b) { return a.merged(b); }, site);
  if (all.count == 0) throw Error(Cause::usage, "statistics: the dataset is empty");
  Statistics out;
  out.count = all.count;
  out.sum = all.sum;
  out.mean = all.mean;
  out.min = all.min;
  out.max = all.max;
  out.stdev = std::sqrt(all.squares / static_cast<double>(all.count));
  return out;
}

template <class T, class Chain>
std::vector<std::uint64_t> Dataset<T, Chain>::histogram(const std::vector<double>& bounds, Site site) const
    requires(std::is_arithmetic_v<T>) {
  if (bounds.size() < 2 || !std::is_sorted(bounds.begin(), bounds.end())) {
    throw Error(Cause::usage, "histogram(bounds): needs at least two bounds in ascending order");
  }
  using Counts = std::vector<std::uint64_t>;
  auto count_partition = capture(bounds, [](const std::vector<double>& edges, auto& partition, auto& emit) {
    Counts counts(edges.size() - 1);
    partition.for_each([&](T value) {
      const auto x = static_cast<double>(value);
      if (!(x >= edges.front() && x <= edges.back())) return;
      const auto after = std::upper_bound(edges.begin(), edges.end(), x);
      const auto bucket = static_cast<std::size_t>(after - edges.begin()) - 1;
      ++counts[std::min(bucket, counts.size() - 1)];
    });
    emit(std::move(counts));
  });
  Counts total(bounds.size() - 1);
  per_partition<Counts>("histogram", site, count_partition, [&](Counts&& counts) {
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += counts[i];
  });
  return total;
}

template <class T, class Chain>
template <bool keep_unmatched, class W, class OtherChain>
auto Dataset<T, Chain>::broadcast_join(const Dataset<W, OtherChain>& small, Site site) const {
  using K = typename Parts::key;
  using V = typename Parts::value;
  using X = typename internal::PairParts<W>::value;
  static_assert(std::is_same_v<Owned<K>, Owned<typename internal::PairParts<W>::key>>,
                "both datasets must have keys of one type");
  using Right = std::conditional_t<keep_unmatched, std::optional<X>, X>;
  using U = std::pair<K, std::pair<V, Right>>;
  using Table = internal::LookupTable<K, X>;
  using Entry = typename Table::Entry;
  typename Table::Builder builder;
  small.map([](const W& pair) { return Entry(Table::hash_of(pair.first), pair); }, site)
      .gather_blocks("broadcast_join", site, [&](std::span<const std::byte> entries) { builder.add(entries); });
  const Broadcast<Table> lookup(session_->broadcast(builder.take()));
  auto look_up = [lookup](auto& partition, auto& emit) {
    const Table& table = lookup.value();
    // A failure behind this operation is blamed on the record that is being read. That is the right one only when
    // records are looked up one by one: where it matters.
    const TaskContext& task = *TaskContext::current();
    const bool exact = task.may_skip() || task.attempt() != 0;
    internal::LookupBatch<T, Table> batch(table, exact ? 1 : batch.most);
    const auto match = [&](const T& pair, std::uint64_t hash) {
      bool found = false;
      table.for_each(pair.first, hash, [&](X&& right) {
        found = true;
        emit(U{pair.first, {pair.second, Right(std::move(right))}});
      });
      if constexpr (keep_unmatched) {
        if (!found) emit(U{pair.first, {pair.second, std::nullopt}});
      }
    };
    partition.for_each([&](const T& pair) {
      batch.add(pair);
      if (batch.full()) batch.flush(match);
    });
    batch.flush(match);
  };
  return map_partitions<U>(look_up, site);
}

template <class T, class Chain>
template <class F>
void Dataset<T, Chain>::write_parts(const char* operation, const std::string& directory, const std::string& suffix,
                                    Site site, F f, const std::string& header) const {
  auto body = [](F& append, const std::string& first_line, auto& partition, auto&) {
    constexpr std::size_t chunk = std::size_t{256} << 10;
    TaskContext& task = *TaskContext::current();
    auto file = task.part_file();
    std::string text = first_line;
    std::uint64_t records = 0;
    partition.for_each([&](auto&& x) {
      append(text, x);
      ++records;
      if (text.size() < chunk) return;
      file->write(text);
      text.clear();
    });
    file->write(text);
    file->close();
    task.count_output(records);
  };
  write_files(operation, directory, suffix, site, capture(header, bind(std::move(f), body)));
}

template <class T, class Chain>
void Dataset<T, Chain>::write_csv(const std::string& directory, const CsvOutput& options, Site site) const {
  const char separator = options.separator;
  write_parts(
      "write_csv", directory, ".csv", site,
      [separator](std::string& out, const T& x) {
        internal::print_csv(out, x, separator);
        out.append("\r\n");
      },
      options.header.empty() ? std::string() : options.header + "\r\n");
}

template <class T, class Chain>
void Dataset<T, Chain>::save(const std::string& directory, Site site) const {
  auto write = capture(internal::element_type_name<T>(), [](const std::string& type, auto& partition, auto&) {
    TaskContext& task = *TaskContext::current();
    auto out = internal::record_writer(task, type);
    partition.for_each([&](auto&& x) { internal::put_element<T>(*out, 0, x); });
    out->finish();
    task.count_output(out->records());
  });
  write_files("save", directory, ".mrec", site, write);
}

template <class T, class Chain>
Dataset<Owned<T>, internal::EncodedSource<Owned<T>>> Dataset<T, Chain>::checkpoint(Site site) const {
  const std::string directory = session_->checkpoint_directory();
  save(directory, site);
  internal::SourceSpec spec;
  spec.format = internal::SourceFormat::encoded;
  spec.inputs = {directory};
  spec.element_type = internal::element_type_name<T>();
  auto source = session_->source("checkpoint", site, spec);
  return {session_, source, {internal::id_of(source)}};
}

}  // namespace millrace
