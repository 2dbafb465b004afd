#include "jobs/sort/sort.h"

namespace millrace::jobs {
namespace {

struct ByKeys {
  Broadcast<KeyedOrder> order;
  bool operator()(std::string_view a, std::string_view b) const { return order->compare(a, b); }
  std::uint64_t prefix(std::string_view line) const { return order->compare.prefix(line); }
};

/// The first of neighbours that the order takes for equal.
struct FirstOfEqual {
  Broadcast<KeyedOrder> order;

  template <class Lines, class Emit>
  void operator()(Lines& lines, Emit& emit) const {
    bool any = false;
    std::string last;
    lines.for_each([&](std::string_view line) {
      if (any && order->compare.compare(last, line) == 0) return;
      any = true;
      last = line;
      emit(line);
    });
  }
};

}  // namespace

Dataset<std::string_view> sort_lines(Context& context, const std::vector<std::string>& inputs, const LineSort& order,
                                     bool unique) {
  const auto kept = [&](const auto& sorted) -> Dataset<std::string_view> {
    if (!unique) return sorted;
    return sorted.template map_partitions<std::string_view>(FirstOfEqual{context.broadcast(KeyedOrder{order})});
  };
  const auto lines = context.read_text(inputs);
  if (!order.is_plain()) return kept(lines.sort(ByKeys{context.broadcast(KeyedOrder{order})}));
  if (order.global.reverse) return kept(lines.sort(descending));
  return kept(lines.sort());
}

Dataset<std::string_view> sort_records(Context& context, const std::vector<std::string>& inputs,
                                       std::uint64_t record_bytes, std::uint64_t key_bytes) {
  if (key_bytes == 0 || key_bytes > record_bytes)
    throw Error(Cause::usage, "the key must have between 1 and " + std::to_string(record_bytes) + " bytes");
  return context.read_binary(inputs, record_bytes).sort_by([key_bytes](std::string_view record) {
    return record.substr(0, key_bytes);
  });
}

}  // namespace millrace::jobs
