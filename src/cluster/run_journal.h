#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <millrace/options.h>

#include "cluster/executors.h"
#include "cluster/journal_state.h"
#include "exec/kept_output.h"
#include "rpc/socket.h"
#include "storage/file_system.h"

namespace millrace::cluster {

/// What a run has done, in a directory that outlives its driver, so that the same command goes on from there
/// (--journal):
///
///   lock          held by the driver that lives; says who it is
///   journal       the records
///   attempts/     what attempts write
///   outputs/      what committed tasks made
///   checkpoints/  those of the driver's session
///   program/      what the program itself keeps for its next life
///
/// The record of a task is written when all that the task made has its place: what is in no record has not been done,
/// and is done again. Nothing waits for the disk: a driver that is killed loses nothing, a machine that goes down loses
/// what had not reached its disk, which is done again too.
///
/// Any thread may call it.
class RunJournal {
 public:
  /// The scheduler numbers the attempts of each life from a multiple of it.
  static constexpr std::uint32_t attempts_of_a_life = 1u << 16;

  /// Makes the directory, or goes on with the run in it. Throws Error(usage) that says what to do when another driver
  /// holds it, when it is another run's, or when the directory holds something else.
  RunJournal(const Options& options, storage::FileSystem& files);
  /// Removes the directory when the run has succeeded.
  ~RunJournal();
  RunJournal(const RunJournal&) = delete;
  RunJournal& operator=(const RunJournal&) = delete;

  const std::string& directory() const { return outputs_.directory(); }
  const exec::KeptOutputs& outputs() const { return outputs_; }
  /// How often a driver has gone on with the run.
  std::uint32_t restarts() const { return restarts_; }
  /// Tells this run's job apart from all others, in each of the run's lives.
  std::string token(JobId job) const;

  /// What is known of a job that the program submits.
  struct Known {
    bool done = false;                ///< all of it: its output is in place
    bool other = false;               ///< the journal has another job in its place, which does not count any more
    std::uint64_t tasks = 0;          ///< of stages that no job of this life has had
    std::uint64_t taken_over = 0;     ///< of these: their outputs are there
    std::vector<AttemptEnd> counted;  ///< of its tasks, each once: what they counted
    /// Attempts of tasks that are not done, which succeeded when their driver was gone: each may be committed now.
    std::vector<AttemptEnd> left_behind;
  };
  /// Once for each job, before anything else of it. `shared` is a digest of the broadcast values that there are. Throws
  /// Error(input) when a file that the job had read is not what it was.
  Known begin(const plan::Job& job, std::uint64_t shared);
  /// What attempts of earlier lives have left is looked for, and goes where it cannot be used. Once, when nobody but
  /// the executors of those that are `running` can still add to it, and before begin().
  void take_what_was_left_behind(const std::set<AttemptId>& running);
  /// Whether the attempt was launched by an earlier driver.
  bool is_of_earlier_life(const AttemptId& attempt) const { return attempt.number / attempts_of_a_life != restarts_; }
  /// Of a stage of a job that was begun.
  std::uint64_t fingerprint(StageId stage) const;
  /// The output of the task is in its place.
  bool has(StageId stage, std::uint32_t task) const;
  /// The output file of an attempt is all there.
  bool is_whole(const AttemptId& attempt) const;
  /// The attempt is the one that counts, and all that it wrote elsewhere has its place. `first` as TaskCommitted says.
  /// Returns whether it is to be counted. Throws Error(output) or Error(out_of_disk).
  bool commit(const AttemptEnd& end, const plan::Stage& stage, bool first);
  /// The result of a task. Throws Error(lost_input).
  exec::Output result(StageId stage, std::uint32_t task) const;
  void lose(StageId stage, std::uint32_t task);
  void drop(ShuffleId shuffle);
  /// Its output is in place.
  void finish(JobId job);
  /// Attempts of the stages run no longer: what they left behind goes.
  void clear_attempts(const std::set<StageId>& stages);
  /// For people whose run has not come to its end.
  std::string how_to_go_on() const;
  /// The directory goes with the object.
  void run_succeeded() { succeeded_ = true; }

 private:
  struct Progress {
    std::uint64_t fingerprint = 0;
    std::optional<ShuffleId> shuffle;
    std::vector<bool> there, counted;
  };

  void lock();
  void open(const Options& options);
  void refuse_unless_same(const journal::Begun& now) const;
  void refuse_changed(const journal::JobBegun& before) const;
  template <class Record>
  void write(const Record& record);
  std::string place_of(const plan::Stage& stage, std::uint32_t task) const;
  void begin_stage(const plan::Stage& stage, std::uint64_t fingerprint, Known& known);
  std::vector<journal::InputState> inputs_of(const plan::Job& job) const;

  storage::FileSystem& files_;
  const exec::KeptOutputs outputs_;
  mutable std::mutex mutex_;
  rpc::Descriptor lock_;
  rpc::Descriptor file_;
  std::uint64_t size_ = 0;
  std::uint32_t restarts_ = 0;
  JournalState before_;  // what earlier lives have done and this one has not come to yet
  std::map<std::pair<StageId, std::uint32_t>, journal::LeftBehind> left_behind_;  // by task
  std::map<StageId, Progress> stages_;
  std::map<ShuffleId, StageId> producers_;
  bool succeeded_ = false;
};

}  // namespace millrace::cluster
