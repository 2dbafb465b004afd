#include "jobs/stream/stream_stages.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <string>

#include <millrace/codec.h>

#include "jobs/stream/aggregate_reducer.h"
#include "jobs/stream/attempt_listener.h"
#include "jobs/stream/byte_sink.h"
#include "jobs/stream/key_fields.h"
#include "jobs/stream/mapper_input.h"
#include "jobs/stream/output_part.h"
#include "jobs/stream/record_sorting.h"
#include "jobs/stream/stream_spec.h"

namespace millrace::jobs::stream {
namespace {

constexpr std::size_t feed_bytes = 256 * 1024;  // to a command at once

constexpr std::string_view framework = "Map-Reduce Framework";

StreamSpec load_spec(TaskContext& task) {
  Decoder in(task.closure());
  return in.get<StreamSpec>();
}

/// The counters of one attempt; sent when it has succeeded.
class AttemptCounters {
 public:
  void add(std::string_view group, std::string_view counter, std::uint64_t amount) {
    values_[{std::string(group), std::string(counter)}] += static_cast<std::int64_t>(amount);
  }
  void add(const Counters& more) {
    for (const auto& [name, amount] : more) values_[name] += amount;
  }
  void send(TaskContext& task, std::uint32_t accumulator) const {
    CounterList list;
    for (const auto& [name, amount] : values_) {
      list.emplace_back(name.first + "," + name.second, amount);
      task.add_to_counter(list.back().first, amount);
    }
    CounterSum(accumulator).add(list);
  }

 private:
  Counters values_;
};

TaskFacts facts_of(const TaskContext& task, const CommandSpec& command, bool is_map) {
  TaskFacts facts;
  facts.names = command.names;
  facts.is_map = is_map;
  facts.partition = task.partition();
  facts.attempt = task.attempt();
  return facts;
}

std::unique_ptr<CommandAttempt> start(TaskContext& task, const CommandSpec& command, TaskFacts facts,
                                      ByteSink& output) {
  return std::make_unique<CommandAttempt>(
      command, std::move(facts), [&task] { return task.stopped(); },
      [&output](std::string_view bytes) { output.write(bytes); });
}

/// Runs a stage's work, tells the listener how it ended, and names `node` in the task's failure, whoever threw.
template <class Body>
void run_attempt(TaskContext& task, std::uint32_t node, bool is_map, Body&& body) {
  AttemptListener* const listener = attempt_listener();
  try {
    body();
    if (listener != nullptr) listener->succeeded(is_map, task.partition());
  } catch (const std::exception& error) {
    task.blame(node);
    if (listener != nullptr && !task.stopped())
      listener->failed(is_map, task.partition(), task.attempt(), error.what());
    throw;
  }
}

/// Turns lines of map output into records for `Put(key, rest)`.
template <class Put>
class RecordLines final : public ByteSink {
 public:
  RecordLines(const StreamSpec& spec, const KeyLayout& layout, Put put)
      : spec_(spec),
        layout_(layout),
        same_separator_(layout.separator == spec.reduce_input_separator),
        put_(std::move(put)) {}

  void write(std::string_view bytes) override {
    lines_.add(bytes, [this](std::string_view text) { line(text); });
  }
  void end() override {
    lines_.end([this](std::string_view text) { line(text); });
  }
  std::uint64_t records() const { return records_; }

 private:
  void line(std::string_view text) {
    ++records_;
    const KeyValue parts = split_line(text, layout_);
    if (parts.bare)
      return put_(parts.key,
                  spec_.keep_bare_keys ? std::string_view{} : std::string_view(spec_.reduce_input_separator));
    if (same_separator_) return put_(parts.key, text.substr(parts.key.size()));
    rest_.assign(spec_.reduce_input_separator).append(parts.value);
    put_(parts.key, rest_);
  }

  const StreamSpec& spec_;
  const KeyLayout& layout_;
  const bool same_separator_;
  Put put_;
  LineSplitter lines_;
  std::string rest_;
  std::uint64_t records_ = 0;
};

/// Runs the mapper over the task's input, one command for each file.
void run_mapper(TaskContext& task, const StreamSpec& spec, ByteSink& output, AttemptCounters& counters) {
  const auto input = open_mapper_input(task, spec);
  while (!task.stopped() && input->next_file()) {
    if (spec.mapper_kind == Program::Kind::identity) {
      for (std::string_view bytes = input->next(); !bytes.empty(); bytes = input->next()) output.write(bytes);
      output.end();
      continue;
    }
    TaskFacts facts = facts_of(task, spec.mapper, true);
    if (!input->path().empty()) facts.input_file = std::filesystem::absolute(input->path()).lexically_normal().string();
    facts.input_start = input->start();
    const auto command = start(task, spec.mapper, std::move(facts), output);
    for (std::string_view bytes = input->next(); !bytes.empty(); bytes = input->next()) {
      if (command->accepts_input()) command->write(bytes);
    }
    command->finish();
    output.end();
    counters.add(command->counters());
  }
  counters.add(framework, "Map input records", input->records());
}

/// Feeds sorted records to a command as lines, until there are no more or it does not want more.
class LineFeed {
 public:
  explicit LineFeed(CommandAttempt& command) : command_(command) {}
  void put(const Record& record) {
    buffer_.append(record.first).append(record.second).push_back('\n');
    if (buffer_.size() >= feed_bytes) flush();
  }
  void flush() {
    command_.write(buffer_);
    buffer_.clear();
  }

 private:
  CommandAttempt& command_;
  std::string buffer_;
};

std::string_view value_of(const Record& record, const StreamSpec& spec) {
  return record.second.substr(std::min(record.second.size(), spec.reduce_input_separator.size()));
}

/// Counts records and keys on their way.
class GroupCounter {
 public:
  void see(const Record& record) {
    if (records_ == 0 || record.first != key_) {
      ++groups_;
      key_ = record.first;
    }
    ++records_;
  }
  std::uint64_t records() const { return records_; }
  std::uint64_t groups() const { return groups_; }

 private:
  std::string key_;
  std::uint64_t records_ = 0;
  std::uint64_t groups_ = 0;
};

/// Runs a command over sorted records.
void run_on_sorted(TaskContext& task, const CommandSpec& command_spec, bool is_map, internal::RecordSorter& sorter,
                   ByteSink& output, AttemptCounters& counters, GroupCounter& groups) {
  const auto command = start(task, command_spec, facts_of(task, command_spec, is_map), output);
  LineFeed feed(*command);
  SortedRecordReader records(sorter);
  Record record;
  while (!task.stopped() && command->accepts_input() && records.next(record)) {
    groups.see(record);
    feed.put(record);
  }
  feed.flush();
  command->finish();
  output.end();
  counters.add(command->counters());
}

void aggregate_sorted(TaskContext& task, const StreamSpec& spec, AggregateReducer& reducer,
                      internal::RecordSorter& sorter, GroupCounter& groups) {
  SortedRecordReader records(sorter);
  Record record;
  while (!task.stopped() && records.next(record)) {
    groups.see(record);
    reducer.add(record.first, value_of(record, spec));
  }
  reducer.finish();
}

template <class Put>
void combine(TaskContext& task, const StreamSpec& spec, internal::RecordSorter& sorter, AttemptCounters& counters,
             Put& put) {
  GroupCounter groups;
  std::uint64_t records = 0;
  if (spec.combiner_kind == Program::Kind::aggregate) {
    std::string rest;
    AggregateReducer reducer(AggregateReducer::Role::combiner, [&](std::string_view key, std::string_view value) {
      rest.assign(spec.reduce_input_separator).append(value);
      put(key, rest);
      ++records;
    });
    aggregate_sorted(task, spec, reducer, sorter, groups);
  } else {
    RecordLines lines(spec, spec.reduce_output, [&](std::string_view key, std::string_view rest) { put(key, rest); });
    run_on_sorted(task, spec.combiner, true, sorter, lines, counters, groups);
    records = lines.records();
  }
  counters.add(framework, "Combine input records", groups.records());
  counters.add(framework, "Combine output records", records);
}

}  // namespace

void AddCounters::add(CounterList& into, const CounterList& more) {
  for (const auto& [name, amount] : more) {
    const auto at =
        std::lower_bound(into.begin(), into.end(), name, [](const auto& a, const auto& b) { return a.first < b; });
    if (at != into.end() && at->first == name) {
      at->second += amount;
    } else {
      into.insert(at, {name, amount});
    }
  }
}

void run_map_stage(TaskContext& task) {
  const StreamSpec spec = load_spec(task);
  AttemptCounters counters;
  const KeyPartition partition(spec.reduces, spec.partition_keys, spec.key_field_separator);
  internal::ShuffleWriter& out = task.output();
  const auto put = [&](std::string_view key, std::string_view rest) {
    const std::uint32_t to = partition(key);
    const Record record(key, rest);
    std::byte* at = out.room(to, Codec<Record>::size(record));
    out.wrote(to, Codec<Record>::encode(record, at));
  };
  run_attempt(task, spec.source, true, [&] {
    if (spec.combiner_kind == Program::Kind::identity) {
      RecordLines lines(spec, spec.map_output, put);
      run_mapper(task, spec, lines, counters);
      counters.add(framework, "Map output records", lines.records());
      return;
    }
    const KeySorting sorting(spec);
    RecordCollector collector(task, sorting);
    RecordLines lines(spec, spec.map_output,
                      [&](std::string_view key, std::string_view rest) { collector.put(key, rest); });
    run_mapper(task, spec, lines, counters);
    counters.add(framework, "Map output records", lines.records());
    combine(task, spec, collector.sorted(), counters, put);
  });
  counters.send(task, spec.counters);
}

void run_map_only_stage(TaskContext& task) {
  const StreamSpec spec = load_spec(task);
  AttemptCounters counters;
  OutputPart part(task, spec, spec.map_output);
  run_attempt(task, spec.source, true, [&] { run_mapper(task, spec, part, counters); });
  part.close();
  counters.add(framework, "Map output records", part.records());
  counters.send(task, spec.counters);
}

void run_reduce_stage(TaskContext& task) {
  const StreamSpec spec = load_spec(task);
  AttemptCounters counters;
  GroupCounter groups;
  const KeySorting sorting(spec);
  const auto sorter = task.sorter(sorting.order());
  const auto blocks = task.open_shuffle(spec.shuffle, task.partition());
  internal::Block block;
  bool any = false;
  while (!task.stopped() && blocks->next(block)) {
    any = any || !block.bytes.empty();
    sorter->add(std::move(block));
  }
  OutputPart part(task, spec, spec.reduce_output);
  run_attempt(task, spec.shuffle, false, [&] {
    if (spec.reducer_kind == Program::Kind::aggregate) {
      AggregateReducer reducer(AggregateReducer::Role::reducer,
                               [&](std::string_view key, std::string_view value) { part.put(key, value, false); });
      aggregate_sorted(task, spec, reducer, *sorter, groups);
    } else if (spec.reducer_kind == Program::Kind::identity) {
      SortedRecordReader records(*sorter);
      Record record;
      while (!task.stopped() && records.next(record)) {
        groups.see(record);
        part.put(record.first, value_of(record, spec), record.second.empty());
      }
    } else {
      // The command of an empty partition runs, but what it prints is no output: the part is empty.
      struct Nowhere final : ByteSink {
        void write(std::string_view) override {}
        void end() override {}
      } nowhere;
      run_on_sorted(task, spec.reducer, false, *sorter, any ? static_cast<ByteSink&>(part) : nowhere, counters, groups);
    }
  });
  part.close();
  counters.add(framework, "Reduce input groups", groups.groups());
  counters.add(framework, "Reduce input records", groups.records());
  counters.add(framework, "Reduce output records", part.records());
  counters.send(task, spec.counters);
}

}  // namespace millrace::jobs::stream
