#include "jobs/stream/stream_job.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <utility>
#include <vector>

#include "jobs/stream/job_directory.h"
#include "jobs/stream/location.h"
#include "jobs/stream/stream_stages.h"

namespace millrace::jobs::stream {
namespace {

namespace fs = std::filesystem;
using internal::NodePtr;
using internal::Session;

// A command is slow to start, an interpreter the more so: a mapper gets more to do than a function.
constexpr std::uint64_t least_split_bytes = std::uint64_t{8} << 20;

std::vector<std::string> local_inputs(const StreamingJob& job) {
  std::vector<std::string> inputs;
  for (const std::string& location : job.inputs) {
    inputs.push_back(local_path(location));
    if (job.recursive_input && fs::is_directory(inputs.back())) inputs.back() += "/**";
  }
  return inputs;
}

Options engine_options(const StreamingJob& job, Options options) {
  if (job.map_attempts != 0 || job.reduce_attempts != 0)
    options.attempts = std::max(job.map_attempts, job.reduce_attempts);
  if (options.split_bytes == 0) options.split_bytes = job.split_bytes;
  return options;
}

JobNames make_names() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()), 1};
}

/// What commands are told of the job must be the same when a run with a journal goes on: it is kept there.
JobNames names_of(const fs::path& kept) {
  if (kept.empty()) return make_names();
  const std::string file = kept.string() + ".names";
  JobNames names = make_names();
  if (std::ifstream in(file); in >> names.stamp) return names;
  fs::create_directories(kept.parent_path());
  std::ofstream out(file + ".new");
  out << names.stamp << '\n';
  out.close();
  if (!out || std::rename((file + ".new").c_str(), file.c_str()) != 0) {
    throw Error(Cause::output, fmt::format("{}: cannot be written: {}", file, std::strerror(errno)));
  }
  return names;
}

/// Where attempts' logs go: as Hadoop lays them out when its log directory is set, else into the job's own directory.
fs::path log_directory(const StreamingJob& job, const JobNames& names) {
  if (job.properties.has("stream.log.dir")) return fs::path(job.properties.get("stream.log.dir")) / names.job();
  const char* hadoop = std::getenv("HADOOP_LOG_DIR");
  return hadoop != nullptr && *hadoop != '\0' ? fs::path(hadoop) / "userlogs" / names.application() : fs::path();
}

CommandSpec command_spec(const StreamingJob& job, const std::string& command, const std::string& debug_command,
                         const JobNames& names, const JobDirectory& directory) {
  CommandSpec spec;
  spec.command = directory.localized(command);
  spec.names = names;
  spec.environment = job_environment(job, names);
  spec.files = directory.files();
  spec.job_directory = directory.path().string();
  spec.log_directory = directory.logs().string();
  spec.debug_command = debug_command;
  spec.reporter_prefix = job.reporter_prefix;
  spec.silence_limit_ms = job.silence_limit_ms;
  spec.nonzero_exit_fails = job.nonzero_exit_fails;
  return spec;
}

void set_records(const StreamingJob& job, StreamSpec& spec) {
  spec.input_format = job.input_format;
  spec.xml_begin = job.xml.begin;
  spec.xml_end = job.xml.end;
  spec.xml_longest = job.xml.longest;
  spec.xml_slow_match = job.xml.slow_match;
  spec.pass_input_key = job.pass_input_key;
  spec.input_key_separator = job.input_key_separator;
  spec.map_input_separator = job.map_input_separator;
  spec.reduce_input_separator = job.reduce_input_separator;
  spec.output_separator = job.output_separator;
  spec.map_output = job.map_output;
  spec.reduce_output = job.reduce_output;
  spec.keep_bare_keys = job.keep_bare_keys;
  if (job.partition_by == PartitionBy::key_fields) spec.partition_keys = job.partition_keys;
  spec.sort_by_fields = job.sort_keys.has_value();
  spec.sort_keys = job.sort_keys.value_or(std::vector<SortKey>{});
  spec.sort_ordering = job.sort_ordering;
  spec.key_field_separator = job.key_field_separator.front();
  spec.lazy_output = job.lazy_output;
  spec.compress_output = job.compress_output;
}

StreamSpec make_spec(const StreamingJob& job, const JobNames& names, const JobDirectory& directory) {
  StreamSpec spec;
  spec.reduces = job.reduces;
  spec.mapper_kind = job.mapper.kind;
  spec.combiner_kind = job.combiner ? job.combiner->kind : Program::Kind::identity;
  spec.reducer_kind = job.reducer.kind;
  const auto command = [&](const Program& program, const std::string& debug) {
    return program.kind == Program::Kind::command ? command_spec(job, program.command, debug, names, directory)
                                                  : CommandSpec{};
  };
  spec.mapper = command(job.mapper, job.map_debug);
  if (job.combiner) spec.combiner = command(*job.combiner, job.map_debug);
  spec.reducer = command(job.reducer, job.reduce_debug);
  set_records(job, spec);
  return spec;
}

/// NLineInputFormat: the lines themselves travel, as many to a task as asked for, never of two files.
NodePtr line_source(const Context& context, const StreamingJob& job, const std::vector<std::string>& inputs) {
  struct Place {
    std::pair<std::string_view, std::string_view> operator()(std::string_view line) const {
      return {input_path(), line};
    }
  };
  std::vector<std::vector<std::byte>> payloads;
  LineSplit split;
  std::uint32_t lines = 0;
  std::uint64_t bytes = 0;
  const auto hand_over = [&] {
    if (lines == 0) return;
    Encoder out;
    out.put(split);
    payloads.push_back(out.take());
    lines = 0;
  };
  std::string path;
  std::uint64_t offset = 0;
  for (const auto& [file, line] : context.read_text(inputs).map(Place{}).collect()) {
    if (file != path) {
      hand_over();
      path = file;
      offset = 0;
    }
    if (lines == job.lines_per_map) hand_over();
    if (lines == 0) split = {path, offset, {}};
    split.text += line;
    split.text += '\n';
    ++lines;
    offset += line.size() + 1;
    bytes += line.size() + 1;
  }
  hand_over();
  return context.session()->values("mapper", Site::current(), std::move(payloads), bytes, false);
}

NodePtr input_node(const Context& context, const StreamingJob& job, const std::vector<std::string>& inputs) {
  if (job.input_format == InputFormat::n_line) return line_source(context, job, inputs);
  internal::SourceSpec source;
  source.format =
      job.input_format == InputFormat::xml ? internal::SourceFormat::whole_files : internal::SourceFormat::text;
  source.inputs = inputs;
  source.splits = job.map_tasks_hint > 1 ? job.map_tasks_hint : 0;
  source.least_split_bytes = source.splits != 0 ? 1 : least_split_bytes;
  return context.session()->source("mapper", Site::current(), source);
}

std::vector<std::byte> encode(const StreamSpec& spec) {
  Encoder out;
  out.put(spec);
  return out.take();
}

std::uint64_t code_of(void (*stage)(TaskContext&)) {
  return internal::code_offset(reinterpret_cast<const void*>(stage));
}

void run_stages(Session& session, const StreamingJob& job, StreamSpec spec, const NodePtr& source) {
  internal::Action action;
  action.operation = "stream";
  action.site = Site::current();
  action.output_directory = local_path(job.output);
  action.part_suffix = job.compress_output ? ".gz" : "";
  spec.source = internal::id_of(source);
  if (job.reduces == 0) {
    action.node = source;
    action.code = code_of(&run_map_only_stage);
  } else {
    action.node =
        session.shuffle("reducer", Site::current(), source, code_of(&run_map_stage), encode(spec), job.reduces);
    spec.shuffle = internal::id_of(action.node);
    action.code = code_of(&run_reduce_stage);
  }
  action.closure = encode(spec);
  session.run(std::move(action), [](std::span<const std::byte>) {});
}

}  // namespace

CounterList run_streaming_job(const StreamingJob& job, Options options,
                              const std::function<void(const StreamStart&)>& started) {
  return run_streaming_job(job, Context(engine_options(job, std::move(options))), started);
}

CounterList run_streaming_job(const StreamingJob& job, const Context& context,
                              const std::function<void(const StreamStart&)>& started) {
  const std::vector<std::string> inputs = local_inputs(job);
  const std::uint32_t number = context.session()->accumulator();
  const CounterSum counters(number);
  const std::string& journal = context.options().journal;
  const fs::path kept = journal.empty() ? fs::path() : fs::path(journal) / "program" / fmt::format("stream-{}", number);
  const JobNames names = names_of(kept);
  const std::string temporary = job.properties.get("stream.tmpdir", context.options().tmp);
  const fs::path logs = log_directory(job, names);
  const auto directory =
      kept.empty() ? std::make_unique<JobDirectory>(temporary, job, logs) : JobDirectory::at(kept, job, logs);
  StreamSpec spec = make_spec(job, names, *directory);
  spec.counters = number;
  const NodePtr source = input_node(context, job, inputs);
  if (started) started({names, internal::partitions_of(source), job.reduces});
  try {
    run_stages(*context.session(), job, std::move(spec), source);
  } catch (const Error& error) {
    if (error.cause() == Cause::user_code) directory->keep_logs();
    throw;
  }
  return counters.value();
}

}  // namespace millrace::jobs::stream
