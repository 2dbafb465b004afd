#include "cluster/run_journal.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <millrace/error.h>

#include "cluster/build_id.h"
#include "cluster/run_directory.h"
#include "cluster/small_file.h"
#include "cluster/wire.h"
#include "rpc/frame.h"
#include "rpc/handshake.h"
#include "storage/file_error.h"

namespace millrace::cluster {
namespace {

constexpr const char* lock_name = "/lock";
constexpr const char* journal_name = "/journal";

[[noreturn]] void refuse(const std::string& message) { throw Error(Cause::usage, message); }

std::string host_name() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

std::string random_token() {
  std::string out;
  for (const std::byte byte : rpc::make_secret()) out += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return out.substr(0, 16);
}

std::string words(const std::vector<std::string>& arguments) { return fmt::format("{}", fmt::join(arguments, " ")); }

journal::Begun this_run(const Options& options) {
  journal::Begun run;
  run.token = random_token();
  run.build = build_id();
  run.directory = std::filesystem::current_path().string();
  run.arguments = options.arguments;
  const auto option = [&](const char* name, std::uint64_t value) {
    run.options.emplace_back(name, std::to_string(value));
  };
  option("reducers", options.reducers);
  option("split", options.split_bytes);
  option("skip-bad-records", options.skip_bad_records);
  // How many splits there are without --split depends on it.
  if (options.split_bytes == 0) option("threads", options.threads);
  return run;
}

// A stage is what it runs on what it reads: its own bytes, those of the stages before it, and the values they share.
std::uint64_t fingerprint_of(const plan::Stage& stage, std::uint64_t shared,
                             const std::map<StageId, std::uint64_t>& parents) {
  std::vector<std::byte> bytes = plan::encode_stage(stage);
  const auto add = [&](std::uint64_t value) {
    const auto more = std::as_bytes(std::span(&value, 1));
    bytes.insert(bytes.end(), more.begin(), more.end());
  };
  add(shared);
  for (const StageId parent : stage.parents) add(parents.at(parent));
  return storage::block_checksum(bytes);
}

}  // namespace

RunJournal::RunJournal(const Options& options, storage::FileSystem& files)
    : files_(files), outputs_(std::filesystem::absolute(options.journal).lexically_normal().string()) {
  const bool fresh = !std::filesystem::exists(directory());
  files_.make_directories(directory());
  if (!fresh && !std::filesystem::exists(directory() + lock_name) && !std::filesystem::is_empty(directory())) {
    refuse(fmt::format("{} is no journal's directory and is not empty: name another for --journal", directory()));
  }
  lock();
  open(options);
  for (const storage::FileInfo& entry : files_.list(directory())) {
    if (entry.path.find(std::string("/") + run_directory_name) != std::string::npos) files_.remove_all(entry.path);
  }
  files_.make_directories(outputs_.attempts());
  files_.make_directories(outputs_.outputs());
  files_.make_directories(directory() + "/executors");
}

RunJournal::~RunJournal() {
  if (!succeeded_) return;
  // Only what is the journal's, the lock last: whoever waits for the directory finds it whole or not at all.
  std::error_code ignored;
  for (const char* part : {"/attempts", "/outputs", "/checkpoints", "/program", "/executors", "/secret", "/driver",
                           journal_name, lock_name}) {
    std::error_code error;
    // An executor that outlives an earlier driver may still put something there.
    for (unsigned tries = 0; tries < 3; ++tries, error.clear()) {
      std::filesystem::remove_all(directory() + part, error);
      if (!error) break;
    }
  }
  std::filesystem::remove(directory(), ignored);
}

void RunJournal::lock() {
  const std::string path = directory() + lock_name;
  for (;;) {
    lock_ = rpc::Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (lock_.get() < 0) storage::throw_file_error(Cause::output, "create", path, errno);
    if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) storage::throw_file_error(Cause::output, "lock", path, errno);
      refuse(fmt::format("another driver is at work with the journal {}: {}wait for its end, or name another directory",
                         directory(), content_of(path)));
    }
    // A run that has just succeeded took the directory away, and this lock with it.
    struct stat mine {
    }, there{};
    if (fstat(lock_.get(), &mine) == 0 && stat(path.c_str(), &there) == 0 && mine.st_ino == there.st_ino) break;
    files_.make_directories(directory());
  }
  const std::string owner = fmt::format("process {} on {}; ", getpid(), host_name());
  if (ftruncate(lock_.get(), 0) != 0 || pwrite(lock_.get(), owner.data(), owner.size(), 0) < 0) {
    storage::throw_file_error(Cause::output, "write", path, errno);
  }
}

void RunJournal::open(const Options& options) {
  const std::string path = directory() + journal_name;
  const std::string content = content_of(path);
  const journal::Begun now = this_run(options);
  if (!content.empty()) {
    try {
      before_ = JournalState::read(std::as_bytes(std::span(content)));
    } catch (const Error& error) {
      refuse(fmt::format("{} cannot be gone on with: {}; remove {} to begin anew", path, error.what(), directory()));
    }
  }
  if (before_.whole_bytes < content.size()) {
    fmt::print(stderr,
               "millrace: {}: its {} bytes from byte {} on are no whole record; what they told of is done again\n",
               path, content.size() - before_.whole_bytes, before_.whole_bytes);
  }
  if (before_.begun) refuse_unless_same(now);
  file_ = rpc::Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (file_.get() < 0) storage::throw_file_error(Cause::output, "create", path, errno);
  if (ftruncate(file_.get(), static_cast<off_t>(before_.begun ? before_.whole_bytes : 0)) != 0) {
    storage::throw_file_error(Cause::output, "cut", path, errno);
  }
  if (before_.begun) {
    size_ = before_.whole_bytes;
    restarts_ = before_.restarts + 1;
    write(journal::Resumed{static_cast<std::uint32_t>(getpid()), host_name()});
    return;
  }
  // Nothing was done yet, or the driver died before it had written what the run is.
  before_ = {};
  before_.begun = now;
  files_.remove_all(outputs_.outputs());
  const auto header = journal::file_header();
  if (pwrite(file_.get(), header.data(), header.size(), 0) != static_cast<ssize_t>(header.size())) {
    storage::throw_file_error(Cause::output, "write", path, errno);
  }
  size_ = header.size();
  write(now);
}

void RunJournal::refuse_unless_same(const journal::Begun& now) const {
  const journal::Begun& then = *before_.begun;
  const std::string remedy = fmt::format("; or remove {} to begin anew", directory());
  if (then.arguments != now.arguments) {
    refuse(fmt::format("the journal {} is of another command, \"{}\", and this is \"{}\": repeat that one{}",
                       directory(), words(then.arguments), words(now.arguments), remedy));
  }
  if (then.directory != now.directory) {
    refuse(fmt::format("the journal {} is of a run in {}: start the command there{}", directory(), then.directory,
                       remedy));
  }
  if (then.build != now.build) {
    refuse(
        fmt::format("the journal {} is of another build of the program ({}, this is {}), whose code may do other "
                    "things: go on with that one{}",
                    directory(), then.build, now.build, remedy));
  }
  const std::map<std::string, std::string> others(now.options.begin(), now.options.end());
  for (const auto& [name, value] : then.options) {
    const auto found = others.find(name);
    const std::string other = found == others.end() ? "not said" : found->second;
    if (other == value) continue;
    refuse(fmt::format("the journal {} was begun with --{} {}, and now it is {}: say --{} {}{}", directory(), name,
                       value, other, name, value, remedy));
  }
}

template <class Record>
void RunJournal::write(const Record& record) {
  std::vector<std::byte> bytes;
  journal::append_record(bytes, size_, record);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        pwrite(file_.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(size_ + done));
    if (count < 0 && errno == EINTR) continue;
    // What was written of the record is written over by the next one.
    if (count < 0) storage::throw_file_error(Cause::output, "write", directory() + journal_name, errno);
    done += static_cast<std::size_t>(count);
  }
  size_ += bytes.size();
}

// Of the attempts of earlier lives, those alone that say how they ended, or run.
void RunJournal::take_what_was_left_behind(const std::set<AttemptId>& running) {
  const std::lock_guard lock(mutex_);
  std::set<std::string> kept;
  for (const AttemptId& attempt : running) kept.insert(outputs_.attempt_path(attempt));
  for (const storage::FileInfo& file : files_.list(outputs_.attempts())) {
    if (!file.path.ends_with(exec::KeptOutputs::end_suffix)) continue;
    const std::string content = content_of(file.path);
    try {
      journal::Reader reader(std::as_bytes(std::span(content)));
      std::uint8_t kind = 0;
      std::span<const std::byte> payload;
      if (!reader.next(kind, payload) || kind != journal::LeftBehind::kind) continue;
      auto left = rpc::decode_message<journal::LeftBehind>(payload);
      const AttemptId attempt = attempt_of(left.end.attempt);
      kept.insert(outputs_.attempt_path(attempt));
      left_behind_.try_emplace({attempt.stage, attempt.partition.value}, std::move(left));
    } catch (const Error&) {
      continue;  // it is damaged: the task runs again
    }
  }
  for (const storage::FileInfo& file : files_.list(outputs_.attempts())) {
    if (!kept.contains(file.path)) files_.remove_all(file.path);
  }
}

std::string RunJournal::token(JobId job) const { return fmt::format("{}-{}", before_.begun->token, job); }

// Jobs.

std::vector<journal::InputState> RunJournal::inputs_of(const plan::Job& job) const {
  std::vector<journal::InputState> out;
  std::set<std::string> seen;
  for (const plan::Stage& stage : job.stages) {
    for (const auto& [node, source] : stage.sources) {
      for (const plan::Split& split : source.splits) {
        for (const plan::FileRange& range : split.ranges) {
          // What lies in the directory itself is the run's own.
          if (range.path.starts_with(directory() + "/") || !seen.insert(range.path).second) continue;
          storage::FileInfo info;
          if (!files_.stat(range.path, info)) continue;
          out.push_back({range.path, info.size, info.modified_seconds});
        }
      }
    }
  }
  return out;
}

void RunJournal::refuse_changed(const journal::JobBegun& before) const {
  for (const journal::InputState& input : before.inputs) {
    storage::FileInfo info;
    const bool there = files_.stat(input.path, info);
    if (there && journal::InputState{input.path, info.size, info.modified_seconds} == input) continue;
    throw Error(Cause::input,
                fmt::format("{} {} since the run began whose journal is {}: what was made of it cannot be "
                            "used; remove {} to begin anew",
                            input.path, there ? "has changed" : "has gone", directory(), directory()));
  }
}

RunJournal::Known RunJournal::begin(const plan::Job& job, std::uint64_t shared) {
  const std::lock_guard lock(mutex_);
  Known known;
  const auto before = before_.jobs.find(job.id.value);
  const bool again = before != before_.jobs.end();
  if (again) refuse_changed(before->second.begun);

  journal::JobBegun begun;
  begun.job = job.id.value;
  begun.name = job.name;
  std::map<StageId, std::uint64_t> fingerprints;
  for (const plan::Stage& stage : job.stages) {
    const auto running = stages_.find(stage.id);
    const std::uint64_t fingerprint =
        running != stages_.end() ? running->second.fingerprint : fingerprint_of(stage, shared, fingerprints);
    fingerprints[stage.id] = fingerprint;
    begun.stages.emplace_back(stage.id.value, fingerprint);
  }
  // What is another stage now leaves nothing behind.
  for (const auto& [id, fingerprint] : begun.stages) {
    std::erase_if(left_behind_, [stage = StageId{id}, mine = fingerprint](const auto& each) {
      return each.first.first == stage && each.second.fingerprint != mine;
    });
  }
  const bool same = again && before->second.begun.stages == begun.stages;
  if (!same) {
    begun.inputs = inputs_of(job);
    write(begun);
    before_.take(begun);
  }
  known.other = again && !same;
  known.done = before_.jobs.at(begun.job).done;
  for (const plan::Stage& stage : job.stages) {
    begin_stage(stage, fingerprints.at(stage.id), known);
    for (auto& [task, end] : before_.stages.at(stage.id.value).done) {
      if (end.job == begun.job) known.counted.push_back(attempt_end_of(end, sched::no_executor));
    }
  }
  return known;
}

// The first time in this life, what earlier ones made of it is looked for.
void RunJournal::begin_stage(const plan::Stage& stage, std::uint64_t fingerprint, Known& known) {
  const auto [at, first] = stages_.try_emplace(stage.id);
  Progress& progress = at->second;
  if (!first) return;
  progress.fingerprint = fingerprint;
  progress.there.resize(stage.partitions.size());
  progress.counted.resize(stage.partitions.size());
  if (stage.output) {
    progress.shuffle = stage.output->shuffle;
    producers_[stage.output->shuffle] = stage.id;
  }
  for (const auto& [task, end] : before_.stages.at(stage.id.value).done) {
    if (task >= progress.counted.size()) continue;
    progress.counted[task] = true;
    if (!stage.output && !stage.output_directory.empty()) {
      progress.there[task] = true;  // its part file is the output commit's business
      continue;
    }
    try {
      const exec::KeptOutput whole(files_, place_of(stage, task));
      progress.there[task] = true;
    } catch (const Error&) {
      continue;  // its shuffle was dropped, or the disk has not kept it: the task runs again when it is needed
    }
  }
  for (std::uint32_t task = 0; task < progress.there.size(); ++task) {
    auto left = left_behind_.extract({stage.id, task});
    if (left.empty() || progress.counted[task]) continue;
    known.left_behind.push_back(attempt_end_of(std::move(left.mapped().end), sched::no_executor));
  }
  known.tasks += progress.there.size();
  known.taken_over += static_cast<std::uint64_t>(std::count(progress.there.begin(), progress.there.end(), true));
}

std::string RunJournal::place_of(const plan::Stage& stage, std::uint32_t task) const {
  return stage.output ? outputs_.map_output_path(stage.output->shuffle, task) : outputs_.result_path(stage.id, task);
}

std::uint64_t RunJournal::fingerprint(StageId stage) const {
  const std::lock_guard lock(mutex_);
  return stages_.at(stage).fingerprint;
}

bool RunJournal::has(StageId stage, std::uint32_t task) const {
  const std::lock_guard lock(mutex_);
  const auto found = stages_.find(stage);
  return found != stages_.end() && task < found->second.there.size() && found->second.there[task];
}

bool RunJournal::is_whole(const AttemptId& attempt) const try {
  const exec::KeptOutput whole(files_, outputs_.attempt_path(attempt));
  return true;
} catch (const Error&) {
  return false;
}

bool RunJournal::commit(const AttemptEnd& end, const plan::Stage& stage, bool first) {
  const std::uint32_t task = end.attempt.partition.value;
  const std::lock_guard lock(mutex_);
  if (stage.output || stage.output_directory.empty()) {
    files_.rename(outputs_.attempt_path(end.attempt), place_of(stage, task));
  }
  Progress& progress = stages_.at(stage.id);
  progress.there[task] = true;
  if (!first || progress.counted[task]) return false;
  write(journal::TaskDone{wire_of(end)});
  progress.counted[task] = true;
  return true;
}

exec::Output RunJournal::result(StageId stage, std::uint32_t task) const {
  const exec::KeptOutput file(files_, outputs_.result_path(stage, task));
  exec::Output out;
  out.records = file.records();
  out.bytes = file.bytes();
  for (std::uint32_t i = 0; i < file.partitions(); ++i) out.partitions.push_back(file.blocks(i));
  return out;
}

void RunJournal::lose(StageId stage, std::uint32_t task) {
  const std::lock_guard lock(mutex_);
  const auto found = stages_.find(stage);
  if (found != stages_.end() && task < found->second.there.size()) found->second.there[task] = false;
}

void RunJournal::drop(ShuffleId shuffle) {
  const std::lock_guard lock(mutex_);
  const auto producer = producers_.find(shuffle);
  if (producer == producers_.end()) return;
  auto& there = stages_.at(producer->second).there;
  for (std::uint32_t task = 0; task < there.size(); ++task) {
    if (there[task]) files_.remove_all(outputs_.map_output_path(shuffle, task));
  }
  there.assign(there.size(), false);
}

void RunJournal::finish(JobId job) {
  const std::lock_guard lock(mutex_);
  if (!before_.jobs.at(job.value).done) write(journal::JobDone{job.value});
}

std::string RunJournal::how_to_go_on() const {
  return fmt::format("the journal {} stays: the same command goes on from there", directory());
}

void RunJournal::clear_attempts(const std::set<StageId>& stages) {
  for (const storage::FileInfo& file : files_.list(outputs_.attempts())) {
    const char* const name = file.path.data() + file.path.rfind('/') + 1;
    StageId stage;
    std::from_chars(name, file.path.data() + file.path.size(), stage.value);
    if (stages.contains(stage)) files_.remove_all(file.path);
  }
}

}  // namespace millrace::cluster
