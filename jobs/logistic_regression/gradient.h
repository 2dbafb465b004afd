#pragma once

#include <span>

#include "jobs/logistic_regression/points.h"

namespace millrace::jobs {

/// Adds the block's share of the gradient of the log-likelihood at `weights`: for each feature the sum over the points
/// of (label - sigmoid(weights · point)) × feature. The sums are formed in one order whatever instructions the
/// processor has, so the bits of the result are the same everywhere. `weights` and `gradient` have one number a
/// feature.
void add_gradient(const PointBlock& block, std::span<const double> weights, std::span<double> gradient);

}  // namespace millrace::jobs
