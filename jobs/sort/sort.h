#pragma once

#include <string>
#include <vector>

#include <millrace/millrace.h>

#include "jobs/sort/keyed_order.h"

namespace millrace::jobs {

/// The lines of the inputs in order over all parts: sampled range partitioning, then a sort of each range.
/// (O'Malley and Murthy, "Winning a 60 Second Dash with a Yellow Elephant", 2009, is the model.) Lines that compare
/// equal stay in the order of the input; with `unique` only the first of them is left.
Dataset<std::string_view> sort_lines(Context& context, const std::vector<std::string>& inputs, const LineSort& order,
                                     bool unique);

/// Binary records of `record_bytes` ordered by their first `key_bytes`, the same way. Records with equal keys stay in
/// the order of the input.
Dataset<std::string_view> sort_records(Context& context, const std::vector<std::string>& inputs,
                                       std::uint64_t record_bytes, std::uint64_t key_bytes);

}  // namespace millrace::jobs
