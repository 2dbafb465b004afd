#include "jobs/stream/task_environment.h"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <unistd.h>

#include "jobs/stream/property_names.h"

extern char** environ;

namespace millrace::jobs::stream {
namespace {

JobProperties task_properties(const StreamingJob& job, const TaskFacts& task) {
  JobProperties properties = job.properties;
  properties.set("mapreduce.job.id", task.names.job());
  properties.set_default("mapreduce.job.name", job.name());
  properties.set("mapreduce.task.id", task.names.task(task.is_map, task.partition));
  properties.set("mapreduce.task.attempt.id", task.names.attempt(task.is_map, task.partition, task.attempt));
  properties.set("mapreduce.task.partition", std::to_string(task.partition));
  properties.set("mapreduce.task.ismap", task.is_map ? "true" : "false");
  properties.set("mapreduce.task.output.dir", task.work);
  properties.set("mapreduce.job.local.dir", task.work);
  properties.set("mapreduce.output.fileoutputformat.outputdir", task.output);
  if (task.is_map && !task.input_file.empty()) {
    properties.set("mapreduce.map.input.file", task.input_file);
    properties.set("mapreduce.map.input.start", std::to_string(task.input_start));
    properties.set("mapreduce.map.input.length", std::to_string(task.input_length));
  }
  return properties;
}

}  // namespace

std::string JobNames::application() const { return fmt::format("application_{}_{:04}", stamp, number); }
std::string JobNames::job() const { return fmt::format("job_{}_{:04}", stamp, number); }
std::string JobNames::task(bool is_map, std::uint32_t partition) const {
  return fmt::format("task_{}_{:04}_{}_{:06}", stamp, number, is_map ? 'm' : 'r', partition);
}
std::string JobNames::attempt(bool is_map, std::uint32_t partition, std::uint32_t attempt) const {
  return fmt::format("attempt_{}_{:04}_{}_{:06}_{}", stamp, number, is_map ? 'm' : 'r', partition, attempt);
}

std::vector<std::string> task_environment(const StreamingJob& job, const TaskFacts& task) {
  std::map<std::string, std::string, std::less<>> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      variables.insert_or_assign(std::string(text.substr(0, equals)), text.substr(equals + 1));
  }
  const JobProperties properties = task_properties(job, task);
  const auto add = [&](std::string_view name, std::string_view current_name) {
    std::string value = properties.get(current_name);
    if (job.environment_limit >= 0)
      value.resize(std::min(value.size(), static_cast<std::size_t>(job.environment_limit)));
    variables.insert_or_assign(environment_name(name), std::move(value));
  };
  for (const auto& [name, value] : properties.all()) add(name, name);
  for (const PropertyName& name : renamed_properties()) {
    if (properties.has(name.current_name)) add(name.old_name, name.current_name);
  }
  for (const auto& [name, value] : job.environment) variables.insert_or_assign(name, value);
  variables.insert_or_assign("TMPDIR", task.temporary);

  std::vector<std::string> result;
  result.reserve(variables.size());
  for (const auto& [name, value] : variables) result.push_back(name + "=" + value);
  return result;
}

}  // namespace millrace::jobs::stream
