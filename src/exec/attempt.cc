#include "exec/attempt.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <fmt/format.h>
#include <new>

#include <millrace/internal/closure.h>

#include "exec/broadcast_store.h"
#include "exec/input_mapping.h"
#include "exec/record_sorter.h"

namespace millrace {
namespace {
thread_local TaskContext* current_task = nullptr;
}

TaskContext* TaskContext::current() noexcept { return current_task; }

std::string_view input_path() { return current_task != nullptr ? current_task->input_path() : std::string_view{}; }

namespace exec {
namespace {

class PartOutput final : public internal::PartFile {
 public:
  PartOutput(std::unique_ptr<storage::OutputFile> file, std::uint64_t& bytes) : file_(std::move(file)), bytes_(bytes) {}
  void write(std::string_view text) override {
    if (text.empty()) return;
    file_->write(std::as_bytes(std::span(text.data(), text.size())));
    bytes_ += text.size();
  }
  void close() override { file_->close(); }

 private:
  std::unique_ptr<storage::OutputFile> file_;
  std::uint64_t& bytes_;
};

/// Gathers small writes.
class BufferedPart final : public internal::PartFile {
 public:
  explicit BufferedPart(std::unique_ptr<internal::PartFile> file) : file_(std::move(file)) {}
  void write(std::string_view text) override {
    waiting_ += text;
    if (waiting_.size() >= chunk_bytes) flush();
  }
  void close() override {
    flush();
    file_->close();
  }

 private:
  static constexpr std::size_t chunk_bytes = std::size_t{64} << 10;
  void flush() {
    file_->write(waiting_);
    waiting_.clear();
  }
  std::unique_ptr<internal::PartFile> file_;
  std::string waiting_;
};

void check_file_name(std::string_view call, std::string_view name) {
  if (!name.empty() && name.find('/') == name.npos && name.front() != '_' && name.front() != '.') return;
  throw Error(Cause::usage, fmt::format("{}(\"{}\"): a plain file name is needed", call, name));
}

}  // namespace

/// The splits that the task has claimed, one after the other.
class Attempt::ClaimedSplits final : public SourceInput {
 public:
  ClaimedSplits(Attempt& attempt, const plan::Source& source) : attempt_(attempt), source_(source) {}
  bool next(std::string_view& buffer) override {
    while (input_ == nullptr || !input_->next(buffer)) {
      const auto split =
          attempt_.environment_.split_claims->split(attempt_.id().stage, attempt_.partition_, place_, source_.splits);
      if (!split) return false;
      ++place_;
      consumed_before_ = consumed();
      input_ = attempt_.open_split(source_, *split);
    }
    return true;
  }
  std::string_view path() const override { return input_ != nullptr ? input_->path() : std::string_view{}; }
  std::uint64_t offset() const override { return input_ != nullptr ? input_->offset() : 0; }
  std::uint64_t consumed() const override { return consumed_before_ + (input_ != nullptr ? input_->consumed() : 0); }

 private:
  Attempt& attempt_;
  const plan::Source& source_;
  std::unique_ptr<SourceInput> input_;
  std::size_t place_ = 0;
  std::uint64_t consumed_before_ = 0;
};

/// Tells the attempt where it is in its input.
/// What a task gives to an action that keeps all results: no task gives more than all of them may together.
class Attempt::LimitedOutput final : public BlockWriter {
 public:
  LimitedOutput(BlockStore& store, const plan::ResultLimit& limit)
      : BlockWriter(store, 1, Placement::memory_then_files), limit_(limit) {}

 private:
  void refill(std::uint32_t partition, std::size_t bytes) override {
    BlockWriter::refill(partition, bytes);
    limit_.check(output().bytes);
  }

  const plan::ResultLimit& limit_;
};

class Attempt::TrackedSource final : public internal::BufferInput {
 public:
  TrackedSource(Attempt& attempt, std::unique_ptr<SourceInput> input) : attempt_(attempt), input_(std::move(input)) {
    attempt_.source_ = this;
  }
  ~TrackedSource() override {
    if (attempt_.source_ != this) return;
    attempt_.last_path_ = input_->path();
    attempt_.last_offset_ = record_offset();
    attempt_.source_ = nullptr;
  }
  bool next(std::string_view& buffer) override {
    attempt_.record_ = nullptr;
    // What was given before has been used; what is given now is still to be.
    attempt_.progress_.fetch_add(consumed_ - used_, std::memory_order_relaxed);
    used_ = consumed_;
    const bool more = input_->next(buffer);
    buffer_ = more ? buffer : std::string_view{};
    const std::uint64_t consumed = input_->consumed();
    if (consumed == consumed_) return more;
    attempt_.result_.bytes_in += consumed - consumed_;
    consumed_ = consumed;
    return more;
  }
  const internal::RowFields* row() const override { return input_->row(); }
  InputSplit* split() override { return input_->split(); }
  std::string_view path() const { return input_->path(); }
  std::uint64_t record_offset() const {
    const char* record = attempt_.record_;
    const bool inside = record != nullptr && record >= buffer_.data() && record <= buffer_.data() + buffer_.size();
    return input_->offset() + (inside ? static_cast<std::uint64_t>(record - buffer_.data()) : 0);
  }

 private:
  Attempt& attempt_;
  std::unique_ptr<SourceInput> input_;
  std::string_view buffer_;
  std::uint64_t consumed_ = 0;
  std::uint64_t used_ = 0;  // of what was consumed
};

/// Names the map task whose block is lost.
class Attempt::TrackedShuffle final : public internal::BlockStream {
 public:
  TrackedShuffle(Attempt& attempt, ShuffleId shuffle, std::vector<ShuffleStore::MapBlocks> maps)
      : attempt_(attempt), shuffle_(shuffle), maps_(std::move(maps)) {}
  bool next(Block& block) override {
    for (;;) {
      if (stream_ == nullptr) {
        if (at_ == maps_.size()) return false;
        stream_ = std::make_unique<StoredBlockStream>(attempt_.page_source(), std::move(maps_[at_].blocks),
                                                      &attempt_.result_.shuffle_bytes_read);
      }
      try {
        if (stream_->next(block)) return true;
      } catch (const Error& error) {
        if (error.cause() == Cause::lost_input) attempt_.result_.lost.push_back({shuffle_, maps_[at_].map_task});
        throw;
      }
      stream_ = nullptr;
      ++at_;
    }
  }

 private:
  Attempt& attempt_;
  const ShuffleId shuffle_;
  std::vector<ShuffleStore::MapBlocks> maps_;
  std::unique_ptr<StoredBlockStream> stream_;
  std::size_t at_ = 0;
};

/// A partition whose map outputs lie in several processes, in the order of the map tasks all the same. There is one
/// stream for each of the other executors; what they send ahead waits in the network's buffers.
class Attempt::MixedShuffle final : public internal::BlockStream {
 public:
  MixedShuffle(Attempt& attempt, ShuffleId shuffle, std::uint32_t partition, const MapLocations& locations)
      : attempt_(attempt), shuffle_(shuffle), partition_(partition), locations_(locations) {
    std::map<ExecutorId, std::vector<std::uint32_t>> remote;
    for (std::uint32_t map_task = 0; map_task < locations.size(); ++map_task) {
      if (locations[map_task] != attempt.environment_.self) remote[locations[map_task]].push_back(map_task);
    }
    for (auto& [executor, map_tasks] : remote) {
      streams_[executor] =
          attempt.environment_.outputs->open(executor, shuffle, partition, std::move(map_tasks), attempt.page_source(),
                                             &attempt.result_.shuffle_bytes_read);
    }
  }

  bool next(Block& block) override {
    for (; map_task_ < locations_.size(); ++map_task_) {
      const ExecutorId executor = locations_[map_task_];
      if (executor == attempt_.environment_.self ? next_here(block) : next_there(executor, block)) return true;
    }
    return false;
  }

 private:
  bool next_here(Block& block) {
    if (here_ == nullptr) {
      const auto output = attempt_.environment_.shuffles.output(shuffle_, map_task_);
      if (output == nullptr) attempt_.throw_lost(shuffle_, {map_task_});
      here_ = std::make_unique<StoredBlockStream>(attempt_.page_source(), output->partitions.at(partition_),
                                                  &attempt_.result_.shuffle_bytes_read);
    }
    try {
      if (here_->next(block)) return true;
    } catch (const Error& error) {
      if (error.cause() == Cause::lost_input) attempt_.result_.lost.push_back({shuffle_, map_task_});
      throw;
    }
    here_ = nullptr;
    return false;
  }

  bool next_there(ExecutorId executor, Block& block) {
    RemoteStream& stream = *streams_.at(executor);
    try {
      return stream.next(map_task_, block);
    } catch (const Error& error) {
      if (error.cause() != Cause::lost_input) throw;
      for (std::uint32_t map_task = map_task_; map_task < locations_.size(); ++map_task) {
        const bool lost = map_task == map_task_ || (stream.unreachable() && locations_[map_task] == executor);
        if (lost) attempt_.result_.lost.push_back({shuffle_, map_task});
      }
      throw;
    }
  }

  Attempt& attempt_;
  const ShuffleId shuffle_;
  const std::uint32_t partition_;
  const MapLocations& locations_;
  std::map<ExecutorId, std::unique_ptr<RemoteStream>> streams_;
  std::unique_ptr<StoredBlockStream> here_;
  std::uint32_t map_task_ = 0;
};

/// A partition whose map outputs lie in files that outlive their processes. One of them is open at a time.
class Attempt::KeptShuffle final : public internal::BlockStream {
 public:
  KeptShuffle(Attempt& attempt, ShuffleId shuffle, std::uint32_t partition, std::uint32_t map_tasks)
      : attempt_(attempt), shuffle_(shuffle), partition_(partition), map_tasks_(map_tasks) {}

  bool next(Block& block) override try {
    for (; map_task_ < map_tasks_; ++map_task_) {
      if (stream_ == nullptr) open();
      if (stream_->next(block)) return true;
      stream_ = nullptr;
    }
    return false;
  } catch (const Error& error) {
    if (error.cause() == Cause::lost_input) attempt_.result_.lost.push_back({shuffle_, map_task_});
    throw;
  }

 private:
  void open() {
    const Environment& environment = attempt_.environment_;
    const KeptOutput file(environment.files, environment.kept->map_output_path(shuffle_, map_task_));
    stream_ = std::make_unique<StoredBlockStream>(attempt_.page_source(), file.blocks(partition_),
                                                  &attempt_.result_.shuffle_bytes_read);
  }

  Attempt& attempt_;
  const ShuffleId shuffle_;
  const std::uint32_t partition_;
  const std::uint32_t map_tasks_;
  std::unique_ptr<StoredBlockStream> stream_;
  std::uint32_t map_task_ = 0;
};

/// Drops a cached partition with a lost block, so that the next attempt computes it.
class Attempt::TrackedCache final : public internal::BlockStream {
 public:
  TrackedCache(Attempt& attempt, NodeId node, std::uint32_t partition, std::vector<StoredBlock> blocks)
      : attempt_(attempt),
        node_(node),
        partition_(partition),
        stream_(attempt.page_source(), std::move(blocks), &attempt.result_.bytes_in) {}
  bool next(Block& block) override {
    try {
      return stream_.next(block);
    } catch (const Error& error) {
      if (error.cause() == Cause::lost_input) attempt_.environment_.cache.drop(node_, partition_);
      throw;
    }
  }

 private:
  Attempt& attempt_;
  const NodeId node_;
  const std::uint32_t partition_;
  StoredBlockStream stream_;
};

Attempt::Attempt(Environment& environment, TaskSpec spec)
    : environment_(environment), spec_(std::move(spec)), cache_generation_(environment.cache.generation()) {
  partition_ = spec_.stage->partitions[spec_.task];
  attempt_ = spec_.attempt;
  may_skip_ = spec_.skips_left != nullptr;
  const std::uint32_t partitions = spec_.stage->output ? spec_.stage->output->partitions : 1;
  if (!spec_.output_file.empty()) {
    output_ = std::make_unique<BlockWriter>(environment_.blocks, partitions, spec_.output_file);
  } else if (spec_.stage->result_limit) {
    output_ = std::make_unique<LimitedOutput>(environment_.blocks, *spec_.stage->result_limit);
  } else {
    output_ = std::make_unique<BlockWriter>(environment_.blocks, partitions, Placement::memory_then_files);
  }
}

Attempt::~Attempt() { environment_.memory.task_reserved(-static_cast<std::int64_t>(reserved_)); }

TaskResult Attempt::run() {
  current_task = this;
  try {
    const auto mappings = InputMapping::of(*spec_.stage);
    const auto code =
        reinterpret_cast<void (*)(TaskContext&)>(const_cast<void*>(internal::code_address(spec_.stage->code)));
    code(*this);
    InputMapping::check();
    for (const auto& [name, file] : side_outputs_) file->close();
    output_->finish();
    result_.output = *output_->take();
    result_.spilled_bytes += result_.output.spilled_bytes;
    result_.succeeded = true;
  } catch (const Error& error) {
    describe_failure(result_, error.cause(), error.what());
  } catch (const std::bad_alloc&) {
    describe_failure(result_, Cause::out_of_memory, "the system refused more memory; lower --memory or --threads");
  } catch (const std::exception& error) {
    describe_failure(result_, Cause::user_code, error.what());
  } catch (...) {
    describe_failure(result_, Cause::user_code, "an exception that is no std::exception");
  }
  current_task = nullptr;
  result_.records_in = records_in_;
  result_.records_out = records_out_ != 0 ? records_out_ : output_->records();
  if (!result_.succeeded && spec_.skips_left != nullptr) {
    *spec_.skips_left += static_cast<std::int64_t>(result_.skipped_records - known_skips_);
  }
  return std::move(result_);
}

std::string Attempt::blamed_operation() const {
  // Functions that are called while elements go to a shuffle are that shuffle's.
  std::uint32_t node = blamed_;
  if (node == no_node && spec_.stage->output) node = spec_.stage->output->shuffle.value;
  const auto found = spec_.stage->operations.find(NodeId{node});
  return found == spec_.stage->operations.end() ? std::string() : found->second;
}

std::string Attempt::place() const {
  const std::string_view path = source_ != nullptr ? source_->path() : std::string_view(last_path_);
  if (path.empty()) return fmt::format("partition {}", partition_);
  const std::uint64_t offset = source_ != nullptr ? source_->record_offset() : last_offset_;
  return fmt::format("{}, the record at byte {} (task range {}-{})", path, offset, last_split_begin_, last_split_end_);
}

void Attempt::describe_failure(TaskResult& result, Cause cause, const std::string& what) {
  result.succeeded = false;
  result.cause = cause;
  const bool of_record = cause == Cause::user_code || cause == Cause::bad_data;
  if (of_record && spec_.skips_left != nullptr && !last_path_.empty()) {
    result.bad_record = RecordPlace(last_path_, last_offset_);
  }
  // Millrace's own readers say where bad data lies; a function of the job that finds some does not know.
  const std::string operation = blamed_operation();
  if (cause != Cause::user_code && (cause != Cause::bad_data || blamed_ == no_node)) {
    result.message = what;
    return;
  }
  result.message =
      fmt::format("{} failed on {}: {}", operation.empty() ? "a function of the job" : operation, place(), what);
}

std::string_view Attempt::input_path() const {
  return source_ != nullptr ? source_->path() : std::string_view(last_path_);
}

std::uint64_t Attempt::input_offset() const { return source_ != nullptr ? source_->record_offset() : last_offset_; }

void Attempt::add_to_counter(std::string_view counter, std::int64_t amount) {
  result_.counters[std::string(counter)] += amount;
}

const plan::Source& Attempt::source(std::uint32_t node) const {
  const auto found = spec_.stage->sources.find(NodeId{node});
  if (found == spec_.stage->sources.end()) {
    throw Error(Cause::internal, fmt::format("a task reads source {}, which its stage does not have", node));
  }
  return found->second;
}

std::unique_ptr<SourceInput> Attempt::open_split(const plan::Source& from, std::uint32_t number) {
  const plan::Split& split = from.splits.at(number);
  if (!split.ranges.empty()) {
    last_split_begin_ = split.ranges.front().begin;
    last_split_end_ = split.ranges.back().end;
  }
  return exec::open_source(environment_.files, from, split, [this](std::size_t bytes) { reserve(bytes); });
}

std::unique_ptr<internal::BufferInput> Attempt::open_source(std::uint32_t node, std::uint32_t partition) {
  const plan::Source& from = source(node);
  auto input = claims_splits_ ? std::make_unique<ClaimedSplits>(*this, from) : open_split(from, partition);
  return std::make_unique<TrackedSource>(*this, std::move(input));
}

// A record that is left out belongs to its split's task.
void Attempt::read_more_splits() { claims_splits_ = environment_.split_claims != nullptr && !may_skip_; }

std::span<const std::byte> Attempt::source_split(std::uint32_t node, std::uint32_t partition) {
  return source(node).splits.at(partition).payload;
}

std::unique_ptr<internal::BlockStream> Attempt::open_shuffle(std::uint32_t shuffle, std::uint32_t partition) {
  const ShuffleId id{shuffle};
  if (environment_.kept != nullptr) {
    return std::make_unique<KeptShuffle>(*this, id, partition, spec_.map_tasks.at(id));
  }
  if (const auto located = spec_.locations.find(id); located != spec_.locations.end()) {
    return std::make_unique<MixedShuffle>(*this, id, partition, *located->second);
  }
  std::vector<std::uint32_t> lost;
  auto maps = environment_.shuffles.blocks(id, spec_.map_tasks.at(id), partition, lost);
  if (!lost.empty()) throw_lost(id, lost);
  return std::make_unique<TrackedShuffle>(*this, id, std::move(maps));
}

void Attempt::throw_lost(ShuffleId shuffle, const std::vector<std::uint32_t>& map_tasks) {
  for (const std::uint32_t map_task : map_tasks) result_.lost.push_back({shuffle, map_task});
  throw Error(Cause::lost_input, fmt::format("the output of {} map tasks is gone, the first is task {}; they run again",
                                             map_tasks.size(), map_tasks.front()));
}

std::unique_ptr<internal::RecordSorter> Attempt::sorter(const internal::RecordOrder& order) {
  return std::make_unique<Sorter>(*this, order);
}

std::unique_ptr<internal::PartFile> Attempt::create_file(const std::string& name) {
  if (spec_.output_directory.empty()) {
    throw Error(Cause::usage, "a task wrote a file, but its job writes to no directory");
  }
  return std::make_unique<PartOutput>(environment_.files.create(spec_.output_directory + "/" + name),
                                      result_.bytes_out);
}

std::unique_ptr<internal::PartFile> Attempt::part_file() {
  return create_file(fmt::format("part-{:05}{}", partition_, spec_.stage->part_suffix));
}

std::unique_ptr<internal::PartFile> Attempt::side_file(std::string_view name) {
  check_file_name("side_file", name);
  return create_file(fmt::format("{}-{:05}", name, partition_));
}

internal::PartFile& Attempt::side_output(std::string_view name) {
  const auto open = side_outputs_.find(name);
  if (open != side_outputs_.end()) return *open->second;
  check_file_name("side_output", name);
  // Readers of the output pass over names that begin with an underscore.
  if (!spec_.output_directory.empty()) {
    environment_.files.make_directories(fmt::format("{}/_{}", spec_.output_directory, name));
  }
  auto file = std::make_unique<BufferedPart>(create_file(fmt::format("_{}/part-{:05}", name, partition_)));
  return *side_outputs_.emplace(name, std::move(file)).first->second;
}

bool Attempt::try_reserve(std::size_t bytes) {
  if (reserved_ + bytes > environment_.memory.task_share()) return false;
  reserve(bytes);
  return true;
}

void Attempt::reserve(std::size_t bytes) {
  reserved_ += bytes;
  environment_.memory.task_reserved(static_cast<std::int64_t>(bytes));
  result_.peak_memory = std::max<std::uint64_t>(result_.peak_memory, reserved_);
}

void Attempt::release(std::size_t bytes) {
  reserved_ -= bytes;
  environment_.memory.task_reserved(-static_cast<std::int64_t>(bytes));
}

internal::Pages Attempt::try_pages(std::size_t bytes) {
  if (reserved_ + Memory::rounded_size(bytes) > environment_.memory.task_share()) return {};
  return pages(bytes);
}

internal::Pages Attempt::pages(std::size_t bytes) {
  const std::size_t rounded = Memory::rounded_size(bytes);
  std::byte* data = environment_.memory.take(rounded);
  reserve(rounded);
  return {data, rounded,
          [](void* owner, std::byte* at, std::size_t size) {
            auto& self = *static_cast<Attempt*>(owner);
            self.environment_.memory.give_back(at, size);
            self.release(size);
          },
          this};
}

std::unique_ptr<internal::ShuffleWriter> Attempt::spill_writer(std::uint32_t partitions) {
  ++result_.spills;
  return std::make_unique<BlockWriter>(environment_.blocks, partitions, Placement::files_only);
}

std::size_t Attempt::merge_fan_in() const {
  constexpr std::uint64_t a_run = std::uint64_t{512} << 10;  // a block, and the one that the last batch still shows
  return static_cast<std::size_t>(std::clamp<std::uint64_t>(environment_.memory.task_share() / a_run, 4, 256));
}

std::unique_ptr<internal::BlockStream> Attempt::read_spill(internal::ShuffleWriter& writer, std::uint32_t partition) {
  const Output& output = static_cast<BlockWriter&>(writer).output();
  result_.spilled_bytes += output.spilled_bytes;
  return std::make_unique<StoredBlockStream>(page_source(), output.partitions.at(partition),
                                             &result_.shuffle_bytes_read);
}

std::unique_ptr<internal::BlockStream> Attempt::cached(std::uint32_t node, std::uint32_t partition) {
  auto output = environment_.cache.get(NodeId{node}, partition);
  if (output == nullptr) output = fetch_cached(NodeId{node}, partition);
  if (output == nullptr) return nullptr;
  return std::make_unique<TrackedCache>(*this, NodeId{node}, partition, output->partitions.front());
}

// The whole of a partition that another executor has, before anything of it is used: when it cannot be had to its end,
// it can still be computed. From here on this process has it, too, unless it is for memory alone and had no room there.
std::shared_ptr<const Output> Attempt::fetch_cached(NodeId node, std::uint32_t partition) try {
  const auto elsewhere = spec_.cached.find({node, partition});
  const auto level = spec_.stage->cached.find(node);
  if (elsewhere == spec_.cached.end() || level == spec_.stage->cached.end()) return nullptr;
  BlockWriter writer(environment_.blocks, 1,
                     level->second == plan::CacheLevel::disk ? Placement::files_only : Placement::memory_then_files);
  {
    const auto blocks = environment_.outputs->open_cached(elsewhere->second, node, partition, page_source(),
                                                          &result_.shuffle_bytes_read);
    for (Block block; blocks->next(block);) {
      std::byte* const at = writer.room(0, block.bytes.size());
      std::memcpy(at, block.bytes.data(), block.bytes.size());
      writer.wrote(0, at + block.bytes.size());
    }
  }
  writer.finish();
  Output output = *writer.take();
  if (level->second != plan::CacheLevel::memory || output.spilled_bytes == 0) {
    environment_.cache.put(node, partition, level->second, output, cache_generation_);
  }
  return std::make_shared<const Output>(std::move(output));
} catch (const Error&) {
  return nullptr;
}

std::unique_ptr<internal::ShuffleWriter> Attempt::cache_writer(std::uint32_t node, std::uint32_t) {
  const auto level = spec_.stage->cached.find(NodeId{node});
  if (level == spec_.stage->cached.end()) return nullptr;
  const Placement placement = level->second == plan::CacheLevel::memory ? Placement::memory_only
                              : level->second == plan::CacheLevel::disk ? Placement::files_only
                                                                        : Placement::memory_then_files;
  return std::make_unique<BlockWriter>(environment_.blocks, 1, placement);
}

void Attempt::keep_cached(std::uint32_t node, std::uint32_t partition,
                          std::unique_ptr<internal::ShuffleWriter> writer) {
  auto output = static_cast<BlockWriter&>(*writer).take();
  if (!output) return;
  environment_.cache.put(NodeId{node}, partition, spec_.stage->cached.at(NodeId{node}), std::move(*output),
                         cache_generation_);
}

std::span<const std::byte> Attempt::broadcast(std::uint32_t id) {
  if (environment_.broadcasts != nullptr && !broadcast_store().has(id)) environment_.broadcasts->fetch(id);
  return broadcast_store().bytes(id);
}

void Attempt::add_to_accumulator(std::uint32_t id, std::span<const std::byte> value,
                                 void (*merge)(std::vector<std::byte>&, std::span<const std::byte>)) {
  AccumulatorValue& sum = result_.accumulators[id];
  sum.merge = merge;
  merge(sum.value, value);
}

void Attempt::skip_record(std::string_view record) {
  std::string message = "an exception that is no std::exception";
  try {
    throw;
  } catch (const Error& error) {
    if (error.cause() != Cause::user_code && error.cause() != Cause::bad_data) throw;
    message = error.what();
  } catch (const std::exception& error) {
    message = error.what();
  } catch (...) {
    // The message above says it.
  }
  if (spec_.skips_left->fetch_sub(1) <= 0) {
    ++*spec_.skips_left;
    throw;
  }
  const std::string operation = blamed_operation();
  keep_bad_record(record, operation.empty() ? message : operation + ": " + message);
  blamed_ = no_node;
}

bool Attempt::is_known_bad(std::string_view record) {
  if (spec_.known_bad.empty()) return false;
  const auto found = spec_.known_bad.find({std::string(input_path()), input_offset()});
  if (found == spec_.known_bad.end()) return false;
  keep_bad_record(record, found->second);
  ++known_skips_;
  return true;
}

void Attempt::keep_bad_record(std::string_view record, std::string message) {
  constexpr std::size_t kept_bytes = 65536;  // a record's beginning tells enough
  ++result_.skipped_records;
  result_.bad_records.push_back(
      {std::string(input_path()), input_offset(), std::string(record.substr(0, kept_bytes)), std::move(message)});
}

}  // namespace exec
}  // namespace millrace
