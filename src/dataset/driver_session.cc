#include "dataset/driver_session.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

#include "dataset/captured.h"
#include "dataset/splits.h"
#include "exec/accumulator_store.h"
#include "exec/broadcast_store.h"
#include "exec/input_mapping.h"
#include "storage/local_file_system.h"
#include "storage/spill_file.h"

namespace millrace {
namespace internal {

std::uint32_t id_of(const NodePtr& node) { return node->id.value; }
std::uint32_t partitions_of(const NodePtr& node) { return node->partitions; }

}  // namespace internal

namespace dataset {
namespace {

std::string text_of(Site site) {
  const std::string_view file = site.file;
  return fmt::format("{}:{}", file.substr(file.rfind('/') + 1), site.line);
}

plan::SourceKind kind_of(internal::SourceFormat format) {
  switch (format) {
    case internal::SourceFormat::text:
      return plan::SourceKind::text;
    case internal::SourceFormat::records:
      return plan::SourceKind::records;
    case internal::SourceFormat::encoded:
      return plan::SourceKind::encoded;
    case internal::SourceFormat::whole_files:
      return plan::SourceKind::whole_files;
    case internal::SourceFormat::csv:
      return plan::SourceKind::csv;
    case internal::SourceFormat::pieces:
      return plan::SourceKind::pieces;
    case internal::SourceFormat::values:
      break;
  }
  return plan::SourceKind::values;
}

}  // namespace

DriverSession::DriverSession(Options options, storage::FileSystem& files, std::unique_ptr<Runner> runner)
    : options_(std::move(options)), files_(files), runner_(std::move(runner)) {}

DriverSession::~DriverSession() {
  runner_.reset();
  for (const std::uint32_t id : broadcasts_) exec::broadcast_store().remove(id);
  if (checkpoints_.empty()) return;
  try {
    files_.remove_all(checkpoints_);
  } catch (const Error&) {
    // A checkpoint that cannot be removed is only left-over space in the temporary directory.
  }
}

std::shared_ptr<plan::Node> DriverSession::new_node(plan::NodeKind kind, const std::string& operation, Site site) {
  auto node = std::make_shared<plan::Node>();
  node->id = NodeId{next_node_++};
  node->kind = kind;
  node->operation = operation;
  node->site = text_of(site);
  return node;
}

internal::NodePtr DriverSession::source(const std::string& operation, Site site, const internal::SourceSpec& spec) {
  if (spec.inputs.empty()) throw Error(Cause::usage, operation + ": no input was given");
  if (spec.format == internal::SourceFormat::records && spec.record_bytes == 0) {
    throw Error(Cause::usage, operation + ": the record size must be at least 1 byte");
  }
  auto node = new_node(plan::NodeKind::source, operation, site);
  node->source.kind = kind_of(spec.format);
  node->source.record_bytes = spec.record_bytes;
  node->source.element_type = spec.element_type;
  node->source.separator = spec.separator;
  node->source.quote = spec.quote;
  node->source.header = spec.header;
  node->source.quoted_newlines = spec.quoted_newlines;
  node->source.splits = make_splits(files_, spec, options_.split_bytes, node->bytes, options_.threads);
  node->partitions = static_cast<std::uint32_t>(node->source.splits.size());
  node->one_source = spec.format == internal::SourceFormat::text || spec.format == internal::SourceFormat::records;
  return node;
}

internal::NodePtr DriverSession::values(const std::string& operation, Site site,
                                        std::vector<std::vector<std::byte>> partitions, std::uint64_t bytes,
                                        bool ranges) {
  auto node = new_node(plan::NodeKind::source, operation, site);
  node->source.kind = ranges ? plan::SourceKind::range : plan::SourceKind::values;
  node->bytes = bytes;
  for (auto& payload : partitions) node->source.splits.push_back({{}, std::move(payload)});
  node->partitions = static_cast<std::uint32_t>(node->source.splits.size());
  return node;
}

// What is mapped is no copy, but its pages count as ours all the same, beside the budget: so it must be small beside
// it. A record that may be left out has to be read, not referred to.
internal::NodePtr DriverSession::in_memory(const internal::NodePtr& source) {
  constexpr std::uint64_t share = 8;
  constexpr std::uint64_t most_record_bytes = 65534;  // what a reference can say
  const bool suitable = runner_->shares_machine() && source->kind == plan::NodeKind::source &&
                        source->bytes <= options_.memory_bytes * std::max(options_.workers, 1u) / share &&
                        source->source.record_bytes <= most_record_bytes && !options_.file_shuffle &&
                        options_.skip_bad_records == 0 && &files_ == &storage::local_file_system();
  if (!suitable) return nullptr;
  auto node = std::make_shared<plan::Node>(*source);
  auto mapping = exec::InputMapping::map(node->source, runner_->shares_memory() ? exec::InputMapping::For::this_process
                                                                                : exec::InputMapping::For::machine);
  if (mapping == nullptr) return nullptr;
  node->lifetime = std::move(mapping);
  return node;
}

internal::NodePtr DriverSession::narrow(const std::string& operation, Site site, std::vector<internal::NodePtr> parents,
                                        std::uint32_t partitions, bool elementwise) {
  auto node = new_node(plan::NodeKind::narrow, operation, site);
  for (const auto& parent : parents) node->bytes += parent->bytes;
  node->one_source = elementwise && parents.size() == 1 && parents.front()->one_source;
  node->parents = std::move(parents);
  node->partitions = partitions;
  return node;
}

internal::NodePtr DriverSession::shuffle(const std::string& operation, Site site, const internal::NodePtr& parent,
                                         std::uint64_t map_code, std::vector<std::byte> map_closure,
                                         std::uint32_t partitions) {
  auto node = new_node(plan::NodeKind::shuffle, operation, site);
  node->bytes = parent->bytes;
  node->parents = {parent};
  node->partitions = partitions;
  node->map_code = map_code;
  node->map_closure = std::move(map_closure);
  const ShuffleId id{node->id.value};
  node->lifetime = std::shared_ptr<const void>(nullptr, [weak = weak_from_this(), id](const void*) {
    if (const auto session = weak.lock()) session->runner_->drop_shuffle(id);
  });
  return node;
}

internal::NodePtr DriverSession::persist(Site site, const internal::NodePtr& parent, Persist level) {
  auto node = new_node(plan::NodeKind::cached, "cache", site);
  node->bytes = parent->bytes;
  node->parents = {parent};
  node->partitions = parent->partitions;
  node->level = static_cast<plan::CacheLevel>(level);
  const NodeId id = node->id;
  node->lifetime = std::shared_ptr<const void>(nullptr, [weak = weak_from_this(), id](const void*) {
    if (const auto session = weak.lock()) session->runner_->drop_cached(id);
  });
  return node;
}

void DriverSession::unpersist(const internal::NodePtr& node) { runner_->drop_cached(node->id); }

std::uint32_t DriverSession::default_partitions(const internal::NodePtr& node) const {
  if (options_.reducers != 0) return options_.reducers;
  constexpr std::uint64_t bytes_each = std::uint64_t{32} << 20;
  constexpr std::uint64_t most = 4096;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>((node->bytes + bytes_each - 1) / bytes_each, 1, most));
}

void DriverSession::check_captured(std::span<const std::byte> bytes, const std::string& operation, Site site) const {
  if (!holds_address(bytes)) return;
  throw Error(Cause::usage,
              fmt::format("{} ({}): the function captured a reference or a pointer, which means nothing in another "
                          "process; capture by value, or use millrace::capture(value, ..., function) or "
                          "context.broadcast(value)",
                          operation, text_of(site)));
}

bool DriverSession::can_sample(const internal::NodePtr& node) const { return node->one_source; }

StageId DriverSession::stage_of(ShuffleId shuffle) {
  const auto [at, added] = stages_.try_emplace(shuffle, StageId{next_stage_});
  if (added) ++next_stage_;
  return at->second;
}

void DriverSession::run(internal::Action action, const std::function<void(std::span<const std::byte>)>& result) {
  plan::Result wanted;
  wanted.node = action.node;
  wanted.name = fmt::format("{} ({})", action.operation, text_of(action.site));
  wanted.code = action.code;
  wanted.closure = std::move(action.closure);
  wanted.partitions = std::move(action.partitions);
  wanted.output_directory = action.output_directory;
  wanted.part_suffix = action.part_suffix;
  Runner::Request request;
  {
    const std::lock_guard lock(mutex_);
    // Shuffles get their numbers first, so that a result stage has a higher one than what it reads.
    const JobId job{next_job_++};
    request.shared = shared_;
    plan::cut(wanted, job, StageId{0}, [this](ShuffleId shuffle) { return stage_of(shuffle); });
    request.job =
        plan::cut(wanted, job, StageId{next_stage_++}, [this](ShuffleId shuffle) { return stage_of(shuffle); });
  }
  if (action.results == internal::Results::sampled) {
    plan::Stage& stage = request.job.stages.back();
    stage.partitions.clear();
    for (auto& [node, source] : stage.sources) {
      source.splits = sample_windows(files_, source);
      for (std::uint32_t i = 0; i < source.splits.size(); ++i) stage.partitions.push_back(i);
    }
    stage.cached.clear();
    stage.input_bytes = 0;
  }
  if (action.results == internal::Results::gathered && options_.result_limit_bytes != 0) {
    request.job.stages.back().result_limit = plan::ResultLimit{options_.result_limit_bytes, request.job.name};
  }
  for (const plan::Stage& stage : request.job.stages) {
    if (stage.output) request.map_tasks[stage.output->shuffle] = static_cast<std::uint32_t>(stage.partitions.size());
  }
  request.plan_text = explain(action.node);
  runner_->run(std::move(request), result);
}

std::string DriverSession::note(const plan::Node& node) const {
  if (node.kind != plan::NodeKind::cached) return {};
  return fmt::format("  cached: {} of {} partitions, {} bytes", runner_->cached_partitions(node.id), node.partitions,
                     runner_->cached_bytes(node.id));
}

std::string DriverSession::explain(const internal::NodePtr& node) const {
  return plan::explain(node, [this](const plan::Node& each) { return note(each); });
}

std::uint32_t DriverSession::broadcast(std::vector<std::byte> value) {
  const std::uint64_t digest = options_.journal.empty() ? 0 : storage::block_checksum(value);
  const std::uint32_t id = exec::broadcast_store().add(std::move(value));
  const std::lock_guard lock(mutex_);
  shared_ = shared_ * 0x9e3779b97f4a7c15ull + digest;
  broadcasts_.push_back(id);
  return id;
}

std::uint32_t DriverSession::accumulator() { return exec::accumulator_store().add(); }

std::int64_t DriverSession::counter(const std::string& name) const { return runner_->counter(name); }

std::string DriverSession::checkpoint_directory() {
  const std::lock_guard lock(mutex_);
  if (checkpoints_.empty()) {
    // With a journal, checkpoints are at the same place in each of the run's lives.
    checkpoints_ = !options_.journal.empty() ? std::filesystem::absolute(options_.journal).string() + "/checkpoints"
                                             : fmt::format("{}/millrace-checkpoints-{}-{:x}", options_.tmp, getpid(),
                                                           reinterpret_cast<std::uintptr_t>(this));
    files_.make_directories(checkpoints_);
  }
  return fmt::format("{}/{}", checkpoints_, next_checkpoint_++);
}

}  // namespace dataset
}  // namespace millrace
