#include "jobs/sort/sort.h"

namespace millrace::jobs {
namespace {

struct ByKeys {
  Broadcast<KeyedOrder> order;
  bool operator()(std::string_view a, std::string_view b) const { return order->compare(a, b); }
};

}  // namespace

Dataset<std::string_view> sort_lines(Context& context, const std::vector<std::string>& inputs, const LineSort& order) {
  const auto lines = context.read_text(inputs);
  if (order.is_plain()) return lines.sort();
  return lines.sort(ByKeys{context.broadcast(KeyedOrder{order})});
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
