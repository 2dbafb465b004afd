#include "jobs/logistic_regression/logistic_regression.h"

#include <algorithm>
#include <fmt/format.h>
#include <iostream>

#include "cli/command.h"
#include "cli/command_line.h"

namespace millrace::cli {

int run_logistic_regression(const Invocation& invocation) {
  CommandLine line(
      "Fits a logistic regression by passes of gradient ascent over cached points: lines of comma-separated features\n"
      "and a label, 0 or 1. Prints a weight a line, and on standard error the seconds of the load and of a pass "
      "(their\n"
      "median).");
  std::vector<std::string> inputs;
  std::uint64_t passes = 20;
  line.inputs(inputs);
  line.number("--passes", passes, "How many passes (default: 20)", 1, 1'000'000);
  if (!line.parse(invocation)) return 0;
  Context context(invocation.argc, invocation.argv);
  jobs::LogisticModel model = jobs::train_logistic(context, inputs, static_cast<std::uint32_t>(passes));
  std::sort(model.pass_seconds.begin(), model.pass_seconds.end());
  std::cerr << fmt::format("load_seconds {:.6f}\npass_seconds {:.6f}\n", model.load_seconds,
                           model.pass_seconds[model.pass_seconds.size() / 2]);
  for (const double weight : model.weights) std::cout << fmt::format("{}\n", weight);
  return 0;
}

}  // namespace millrace::cli
