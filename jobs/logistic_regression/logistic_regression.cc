#include "jobs/logistic_regression/logistic_regression.h"

#include <chrono>
#include <functional>

#include "jobs/logistic_regression/gradient.h"

namespace millrace::jobs {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The lines of a partition as blocks of points.
struct GatherPoints {
  std::size_t features;

  template <class Partition, class Emit>
  void operator()(Partition& lines, Emit& emit) const {
    PointReader points(features);
    lines.for_each([&](std::string_view line) {
      points.add(line);
      if (!points.full()) return;
      emit(points.block());
      points.clear();
    });
    if (!points.empty()) emit(points.block());
  }
};

std::vector<double> sum_of(std::vector<double> a, const std::vector<double>& b) {
  for (std::size_t j = 0; j < a.size(); ++j) a[j] += b[j];
  return a;
}

}  // namespace

LogisticModel train_logistic(Context& context, const std::vector<std::string>& inputs, std::uint32_t passes) {
  auto start = std::chrono::steady_clock::now();
  const auto lines = context.read_text(inputs);
  const std::vector<double> zero(PointReader::features_of(lines.first()));
  const auto points = lines.map_partitions<PointBlock>(GatherPoints{zero.size()}).cache();
  const auto rows = points.map([](const PointBlock& block) { return std::uint64_t{block.rows}; });
  const auto count = static_cast<double>(rows.sum());
  LogisticModel model{zero, seconds_since(start), {}};
  for (std::uint32_t pass = 0; pass < passes; ++pass) {
    start = std::chrono::steady_clock::now();
    const auto add = capture(model.weights,
                             [](const std::vector<double>& weights, std::vector<double> sum, const PointBlock& block) {
                               add_gradient(block, weights, sum);
                               return sum;
                             });
    const std::vector<double> gradient = points.aggregate(zero, add, sum_of);
    for (std::size_t j = 0; j < zero.size(); ++j) model.weights[j] += gradient[j] / count;
    model.pass_seconds.push_back(seconds_since(start));
  }
  return model;
}

}  // namespace millrace::jobs
