#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <millrace/millrace.h>

#include "tests/properties/inputs.h"
#include "tests/workspace.h"

namespace millrace::properties {

/// What a run gave: its files by name.
using Output = std::map<std::string, std::string>;
using Paths = std::vector<std::string>;
using Lines = std::vector<std::string>;

/// A job, and what it should come to.
struct Property {
  std::function<std::vector<std::string>(Random&, Flavour)> inputs;  ///< contents of the files to read
  std::function<Output(Context&, const Paths&, const std::string& output)> run;
  std::function<Lines(const std::vector<std::string>& files)> model;  ///< the output's lines, made in a plain way
  bool ordered = true;                                                ///< else the lines may come in any order
  std::uint64_t most_tasks = 5000;
  std::vector<Flavour> flavours = {Flavour::small, Flavour::heavy_key, Flavour::huge_keys, Flavour::many_files};
};

/// For each flavour of input, made from a seed: the job's output is the model's, and the same bytes whatever the
/// number of threads, the memory, the size of the splits and the carrier of the shuffle. The environment may set
/// MILLRACE_PROPERTY_SEED, and MILLRACE_PROPERTY_ROUNDS (1).
void check(const Property& property);

/// For properties with variants: half of the flavours for each, so that neighbours have all of them.
std::vector<Flavour> flavours_of_variant(unsigned variant);

/// Calls `round` with random numbers of each seed, which is printed.
void for_each_round(const std::function<void(Random&)>& round);

/// Options that the round's output must not depend on: `number` counts from 0, and each value of each option comes up
/// among the first `shapes`.
inline constexpr unsigned shapes = 8;
Options shape(const testing::Workspace& workspace, Random& random, unsigned number, std::uint64_t input_bytes,
              std::uint64_t most_tasks);
std::string described(const Options& options);

/// Writes the dataset as text and reads the files.
template <class T, class Chain>
Output written(const Dataset<T, Chain>& dataset, const std::string& output) {
  dataset.write_text(output);
  return testing::read_output(output);
}

}  // namespace millrace::properties
