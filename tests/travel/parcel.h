#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "exec/attempt.h"
#include "plan/job.h"

namespace millrace::travel {

using Bytes = std::vector<std::byte>;

/// The outputs of all map tasks of a shuffle.
struct ShippedShuffle {
  using Blocks = std::vector<Bytes>;
  std::uint32_t shuffle = 0;
  std::vector<std::vector<Blocks>> maps;  ///< by map task, by partition

  static constexpr auto fields = std::tuple{&ShippedShuffle::shuffle, &ShippedShuffle::maps};
};

/// All that another process needs to run one task: nothing in it is an address.
struct Parcel {
  Bytes stage;  ///< plan::encode_stage()
  std::uint32_t task = 0;
  std::vector<ShippedShuffle> shuffles;  ///< that the stage reads
  std::vector<Bytes> broadcasts;         ///< by id
  std::uint64_t memory_bytes = 0;
  std::string tmp;
  std::string output_directory;  ///< exists; empty when the stage writes no files

  static constexpr auto fields =
      std::tuple{&Parcel::stage,        &Parcel::task, &Parcel::shuffles,        &Parcel::broadcasts,
                 &Parcel::memory_bytes, &Parcel::tmp,  &Parcel::output_directory};
};

/// What a task gave, wherever it ran.
struct Outcome {
  bool succeeded = false;
  std::string message;
  std::vector<Bytes> partitions;                           ///< its blocks, one after the other
  std::vector<std::pair<std::string, std::string>> files;  ///< in its output directory, by name
  std::vector<std::pair<std::uint32_t, Bytes>> accumulators;
  std::vector<std::pair<std::string, std::int64_t>> counters;
  std::uint64_t records_out = 0;

  static constexpr auto fields =
      std::tuple{&Outcome::succeeded,    &Outcome::message,  &Outcome::partitions, &Outcome::files,
                 &Outcome::accumulators, &Outcome::counters, &Outcome::records_out};
};

/// What the result comes to as a value. `memory` gives room for the blocks that lie in files.
Outcome outcome_of(const exec::TaskResult& result, const std::string& output_directory, exec::Memory& memory);

/// The blocks, each as bytes.
ShippedShuffle::Blocks read_blocks(const std::vector<exec::StoredBlock>& blocks, exec::Memory& memory);

/// Has a new process of this executable run the task. `folder` is for what the two processes write to each other.
Outcome run_in_second_process(const Parcel& parcel, const std::string& folder);

/// The second process's side: reads a parcel from a file and writes the outcome to another. Returns the exit status.
int run_parcel(const std::string& parcel_path, const std::string& outcome_path);

}  // namespace millrace::travel
