#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <millrace/millrace.h>

namespace millrace::jobs {

/// What a training came to.
struct LogisticModel {
  std::vector<double> weights;       ///< one a feature
  double load_seconds = 0;           ///< reading the points into the cache
  std::vector<double> pass_seconds;  ///< each pass over them
};

/// Logistic regression by gradient ascent over lines of comma-separated features and a label, 0 or 1: in each of the
/// passes over the cached points, weights += (sum of (label - sigmoid(weights · x)) × x) / number of points, from zero
/// weights on. (The example of Zaharia et al., "Resilient Distributed Datasets", NSDI 2012, section 3.2.1.)
/// Throws Error(bad_data) for a line with other than as many numbers as the first.
LogisticModel train_logistic(Context& context, const std::vector<std::string>& inputs, std::uint32_t passes);

}  // namespace millrace::jobs
