#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "cluster/journal_records.h"

namespace millrace::cluster {

/// What the journal of a run says: a value that follows from its records.
struct JournalState {
  struct Stage {
    std::uint64_t fingerprint = 0;
    std::map<std::uint32_t, rpc::AttemptEnded> done;  ///< by task: the attempt that counted
  };
  struct Job {
    journal::JobBegun begun;
    bool done = false;
  };

  std::optional<journal::Begun> begun;
  std::uint32_t restarts = 0;
  std::map<std::uint32_t, Stage> stages;
  std::map<std::uint32_t, Job> jobs;
  std::uint64_t whole_bytes = 0;  ///< of the file: what stands behind is not read, and is to be cut off

  /// Reads as far as the records are whole and make sense. Throws Error(bad_data) when the bytes are no journal.
  static JournalState read(std::span<const std::byte> file);

  void take(const journal::JobBegun& record);
  void take(journal::TaskDone record);
  void take(const journal::JobDone& record);

 private:
  void take(std::uint8_t kind, std::span<const std::byte> payload);
};

}  // namespace millrace::cluster
