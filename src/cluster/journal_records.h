#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <millrace/codec.h>

#include "rpc/messages.h"

// What the journal of a run is made of (docs/formats.md, "The journal of a run"). A record is written when what it
// tells of has been done, and never changed.

namespace millrace::cluster::journal {

/// What the run is: the first record. Whoever goes on with it is the same command of the same build.
struct Begun {
  static constexpr std::uint8_t kind = 1;
  std::string token;  ///< random: no other run has it
  std::string build;
  std::string directory;                                     ///< in which relative paths are meant
  std::vector<std::string> arguments;                        ///< without the options that every job has
  std::vector<std::pair<std::string, std::string>> options;  ///< of those, what shapes the plan
  static constexpr auto fields =
      std::tuple{&Begun::token, &Begun::build, &Begun::directory, &Begun::arguments, &Begun::options};
};

/// A driver has gone on with the run.
struct Resumed {
  static constexpr std::uint8_t kind = 2;
  std::uint32_t process = 0;
  std::string host;
  static constexpr auto fields = std::tuple{&Resumed::process, &Resumed::host};
};

/// As an input file was when its job was begun.
struct InputState {
  std::string path;
  std::uint64_t bytes = 0;
  std::int64_t modified_seconds = 0;
  static constexpr auto fields = std::tuple{&InputState::path, &InputState::bytes, &InputState::modified_seconds};
  friend bool operator==(const InputState&, const InputState&) = default;
};

/// A job was submitted. A stage with another fingerprint than before is another stage: what was done of it is not.
struct JobBegun {
  static constexpr std::uint8_t kind = 3;
  std::uint32_t job = 0;
  std::string name;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> stages;  ///< number and fingerprint; the result stage is last
  std::vector<InputState> inputs;
  static constexpr auto fields = std::tuple{&JobBegun::job, &JobBegun::name, &JobBegun::stages, &JobBegun::inputs};
};

/// A task was committed for the first time: what it counted. What it made lies in its place.
struct TaskDone {
  static constexpr std::uint8_t kind = 4;
  rpc::AttemptEnded end;
  static constexpr auto fields = std::tuple{&TaskDone::end};
};

/// The job's output is in place, and its results are all there.
struct JobDone {
  static constexpr std::uint8_t kind = 5;
  std::uint32_t job = 0;
  static constexpr auto fields = std::tuple{&JobDone::job};
};

/// Of an attempt that succeeded when its driver was gone: what it counted, and its stage's fingerprint. In a file of
/// its own, which the next driver finds.
struct LeftBehind {
  static constexpr std::uint8_t kind = 6;
  rpc::AttemptEnded end;
  std::uint64_t fingerprint = 0;
  static constexpr auto fields = std::tuple{&LeftBehind::end, &LeftBehind::fingerprint};
};

/// How a journal begins.
std::span<const std::byte> file_header();

/// Appends a record that will stand at byte `offset` of the file.
void append_record(std::vector<std::byte>& out, std::uint64_t offset, std::uint8_t kind,
                   std::span<const std::byte> payload);

template <class Record>
void append_record(std::vector<std::byte>& out, std::uint64_t offset, const Record& record) {
  Encoder payload;
  payload.put(record);
  append_record(out, offset, Record::kind, payload.bytes());
}

/// Cuts a journal into its records, as far as they are whole: the last one may have been cut off by the end of its
/// writer.
class Reader {
 public:
  /// `file` outlives the reader. Throws Error(bad_data) when it is no journal.
  explicit Reader(std::span<const std::byte> file);
  bool next(std::uint8_t& kind, std::span<const std::byte>& payload);
  /// Where the first byte is that belongs to no whole record; the size of the file when all are whole.
  std::uint64_t end() const { return at_; }

 private:
  const std::span<const std::byte> file_;
  std::uint64_t at_ = 0;
};

}  // namespace millrace::cluster::journal
