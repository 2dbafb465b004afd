#include "dataset/options.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <string_view>
#include <unistd.h>

#include <millrace/error.h>

#include "dataset/host_list.h"
#include "dataset/machine.h"

namespace millrace {
namespace dataset {
namespace {

[[noreturn]] void usage(const std::string& message) { throw Error(Cause::usage, message); }

template <typename Integer>
Integer parse_integer(const std::string& text, Integer low, Integer high) {
  Integer value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc{} || stop != end || value < low || value > high)
    usage("'" + text + "' is not a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  return value;
}

bool parse_switch(const std::string& text) {
  for (const char* yes : {"true", "yes", "on", "1"})
    if (text == yes) return true;
  for (const char* no : {"false", "no", "off", "0"})
    if (text == no) return false;
  usage("'" + text + "' is neither true nor false");
}

bool on_terminal() { return isatty(STDERR_FILENO) == 1; }

Progress parse_progress(const std::string& text) {
  if (text.empty()) return on_terminal() ? Progress::bar : Progress::plain;
  if (text == "bar") return Progress::bar;
  if (text == "plain") return Progress::plain;
  if (text == "none") return Progress::none;
  usage("'" + text + "' is none of bar, plain, none");
}

void parse_ui(Options& options, const std::string& text) {
  options.ui = text != "false" && text != "no" && text != "off";
  const bool port = options.ui && !text.empty() && text != "true" && text != "yes" && text != "on";
  options.ui_port = port ? parse_integer<std::uint16_t>(text, 1, 65535) : std::uint16_t{0};
}

// Those who can guess it can read the run's data; and it stands in an address as it is.
std::string parse_token(const std::string& text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (text.size() < 16 || !std::all_of(text.begin(), text.end(), plain))
    usage("a token has at least 16 characters, all of them letters, digits, - or _");
  return text;
}

std::string existing_directory(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error))
    usage("'" + path + "' is not a directory" + (error ? ": " + error.message() : ""));
  if (access(path.c_str(), W_OK | X_OK) != 0) usage("no files can be made in '" + path + "': " + std::strerror(errno));
  return path;
}

std::string not_empty(const std::string& text) {
  if (text.empty()) usage("a file's name is missing");
  return text;
}

/// Whether an option takes a value, as its next argument or behind "=".
enum class Takes : std::uint8_t {
  value,     // --name VALUE, --name=VALUE
  optional,  // --name, --name=VALUE
  nothing,   // --name, --name=true
};

struct Option {
  std::string_view name;
  Takes takes;
  std::string_view placeholder;
  std::string_view description;  // empty: not in the help
  void (*set)(Options&, const std::string& value);
};

constexpr std::uint64_t most_bytes = std::numeric_limits<std::int64_t>::max();

constexpr std::array options = {
    Option{"threads", Takes::value, "N",
           "threads of each executor; 0: all in the calling thread, in order (default: all processors)",
           [](Options& o, const std::string& v) { o.threads = parse_integer<unsigned>(v, 0, 4096); }},
    Option{"memory", Takes::value, "SIZE",
           "memory budget of each executor, such as 512M or 2GiB (default: half of the machine's)",
           [](Options& o, const std::string& v) {
             o.memory_bytes = parse_size(v);
             if (o.memory_bytes < (1u << 20)) usage("'" + v + "' is less than the smallest budget, 1M");
           }},
    Option{"workers", Takes::value, "N",
           "run the tasks in N executor processes on this machine (default: 0, in this process)",
           [](Options& o, const std::string& v) { o.workers = parse_integer<std::uint32_t>(v, 0, 1024); }},
    Option{"hosts", Takes::value, "A,B:2,@FILE",
           "run the tasks in executors that ssh starts: one on A, two on B, and those that a file lists",
           [](Options& o, const std::string& v) { o.hosts = parse_hosts(v); }},
    Option{"ssh", Takes::value, "COMMAND", "what starts them, such as 'ssh -F FILE' (default: ssh)",
           [](Options& o, const std::string& v) { o.ssh = v; }},
    Option{"listen", Takes::value, "ADDRESS",
           "where they find this process (default: the address by which this machine reaches them)",
           [](Options& o, const std::string& v) { o.listen = v; }},
    Option{"tls", Takes::nothing, "", "encrypt what executor processes say; with --hosts they always do",
           [](Options& o, const std::string& v) { o.tls = parse_switch(v); }},
    Option{
        "max-executors", Takes::value, "N",
        "start more executor processes while tasks wait, up to N; under Slurm as jobs of their own (default: 0, none)",
        [](Options& o, const std::string& v) { o.max_executors = parse_integer<std::uint32_t>(v, 0, 4096); }},
    Option{"executor-idle", Takes::value, "SECONDS",
           "give an executor that was started later back when it has run nothing for so long (default: 60)",
           [](Options& o, const std::string& v) {
             constexpr std::uint64_t most_seconds = 86400;
             o.executor_idle_ms = 1000 * parse_integer<std::uint64_t>(v, 1, most_seconds);
           }},
    Option{"executor-timeout", Takes::value, "SECONDS",
           "silence after which an executor process counts as lost (default: 10)",
           [](Options& o, const std::string& v) {
             constexpr std::uint64_t most_seconds = 86400;
             o.executor_timeout_ms = 1000 * parse_integer<std::uint64_t>(v, 1, most_seconds);
           }},
    Option{"fair", Takes::nothing, "", "jobs that run at the same time share the executors (default: the older first)",
           [](Options& o, const std::string& v) { o.fair = parse_switch(v); }},
    Option{"no-backups", Takes::nothing, "", "no second attempt of a task that is slow on its executor",
           [](Options& o, const std::string& v) { o.no_backups = parse_switch(v); }},
    Option{"tmp", Takes::value, "DIR", "directory for spilled data (default: $TMPDIR, /var/tmp or /tmp)",
           [](Options& o, const std::string& v) { o.tmp = existing_directory(v); }},
    Option{"journal", Takes::value, "DIR",
           "write down there what is done: the same command goes on from it when its driver was killed",
           [](Options& o, const std::string& v) {
             if (v.empty()) usage("a directory's name is missing");
             o.journal = v;
           }},
    Option{"reducers", Takes::value, "N", "parts of the output (default: from the size of the input)",
           [](Options& o, const std::string& v) { o.reducers = parse_integer<std::uint32_t>(v, 0, 1u << 20); }},
    Option{"overwrite", Takes::nothing, "", "replace an existing output when the new one is complete",
           [](Options& o, const std::string& v) { o.overwrite = parse_switch(v); }},
    Option{"progress", Takes::optional, "bar|plain|none",
           "what to show meanwhile (default: bar on a terminal, else none)",
           [](Options& o, const std::string& v) { o.progress = parse_progress(v); }},
    Option{"events", Takes::value, "FILE", "write the job's event log there",
           [](Options& o, const std::string& v) { o.events = not_empty(v); }},
    Option{"report", Takes::value, "FILE", "write a report of the run there; a page when it ends in .html",
           [](Options& o, const std::string& v) { o.report = not_empty(v); }},
    Option{"trace", Takes::value, "FILE", "write a trace of the tasks there, for ui.perfetto.dev",
           [](Options& o, const std::string& v) { o.trace = not_empty(v); }},
    Option{"ui", Takes::optional, "PORT", "show the run in the browser, on 127.0.0.1 (default: a free port)", parse_ui},
    Option{"ui-token", Takes::value, "TOKEN", "",
           [](Options& o, const std::string& v) { o.ui_token = parse_token(v); }},
    Option{
        "skip-bad-records", Takes::value, "N", "skip up to N bad records, and keep them in a side file (default: 0)",
        [](Options& o, const std::string& v) { o.skip_bad_records = parse_integer<std::uint64_t>(v, 0, most_bytes); }},
    Option{"attempts", Takes::value, "N", "how often a task is tried before the job fails (default: 4)",
           [](Options& o, const std::string& v) { o.attempts = parse_integer<unsigned>(v, 1, 1000); }},
    Option{"result-limit", Takes::value, "SIZE",
           "what collect() and its like may bring to the driver; 0: no limit (default: 1G)",
           [](Options& o, const std::string& v) { o.result_limit_bytes = parse_size(v); }},
    Option{"split", Takes::value, "SIZE", "input bytes a task (default: from the size of the input)",
           [](Options& o, const std::string& v) { o.split_bytes = parse_size(v); }},
    Option{"file-shuffle", Takes::nothing, "", "",
           [](Options& o, const std::string& v) { o.file_shuffle = parse_switch(v); }},
};

const Option* find_option(std::string_view name) {
  const auto found = std::find_if(options.begin(), options.end(), [&](const Option& o) { return o.name == name; });
  return found == options.end() ? nullptr : &*found;
}

/// Sets an option; `where` tells the user what to correct when the value is wrong.
void set(Options& result, const Option& option, const std::string& value, const std::string& where) {
  try {
    option.set(result, value);
  } catch (const Error& error) {
    usage(where + ": " + error.what());
  }
}

std::string environment_name(std::string_view option) {
  std::string name = "MILLRACE_";
  for (const char c : option) name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

void read_environment(Options& result, const Environment& environment) {
  for (const Option& option : options) {
    const std::string name = environment_name(option.name);
    if (const auto value = environment(name)) set(result, option, *value, name + " in the environment");
  }
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// `name = value` a line; # starts a comment line. `required`: it is an error when the file does not exist.
void read_configuration(Options& result, const std::string& path, bool required) {
  std::error_code directory_error;
  // A home that is another user's and may not be looked into holds no file of this one.
  if (!required && !std::filesystem::exists(path, directory_error)) return;
  errno = 0;
  std::ifstream file(path);
  if (!file) usage("cannot read the configuration file '" + path + "': " + std::strerror(errno));
  if (std::filesystem::is_directory(path, directory_error))
    usage("the configuration file '" + path + "' is a directory");
  std::size_t number = 0;
  for (std::string text; std::getline(file, text);) {
    const std::string where = path + ":" + std::to_string(++number);
    const std::string_view line = trim(text);
    if (line.empty() || line.front() == '#') continue;
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) usage(where + ": expected 'name = value', found '" + std::string(line) + "'");
    const std::string name(trim(line.substr(0, equals)));
    const Option* option = find_option(name);
    if (option == nullptr) usage(where + ": there is no option '" + name + "'");
    set(result, *option, std::string(trim(line.substr(equals + 1))), where + ": " + name);
  }
}

/// An option of the command line with its value, in the order given.
struct Setting {
  const Option* option;
  std::string value;
};

struct CommandLine {
  std::vector<Setting> settings;
  std::optional<std::string> configuration;
  std::vector<std::string> arguments;
  std::size_t literal_from = 0;
};

CommandLine read_command_line(const std::vector<std::string>& words) {
  CommandLine result;
  std::size_t i = 0;
  for (; i < words.size() && words[i] != "--"; ++i) {
    const std::string& word = words[i];
    const auto equals = word.find('=');
    const std::string name =
        word.rfind("--", 0) == 0 ? word.substr(2, equals == std::string::npos ? equals : equals - 2) : "";
    const Option* option = find_option(name);
    if (option == nullptr && name != "config") {
      result.arguments.push_back(word);
      continue;
    }
    std::string value;
    if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (option == nullptr || option->takes == Takes::value) {
      if (i + 1 == words.size()) usage("--" + name + ": a value is missing");
      value = words[++i];
    } else if (option->takes == Takes::nothing) {
      value = "true";
    }
    if (option == nullptr) {
      result.configuration = value;
    } else {
      result.settings.push_back({option, std::move(value)});
    }
  }
  result.literal_from = result.arguments.size();
  if (i < words.size())
    result.arguments.insert(result.arguments.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
  return result;
}

std::string default_tmp(const Environment& environment) {
  for (const std::string& path : {environment("TMPDIR").value_or(""), std::string("/var/tmp"), std::string("/tmp")}) {
    std::error_code error;
    if (!path.empty() && std::filesystem::is_directory(path, error) && access(path.c_str(), W_OK | X_OK) == 0)
      return path;
  }
  return "/tmp";
}

// What nobody has set yet.
constexpr unsigned no_threads = std::numeric_limits<unsigned>::max();
constexpr std::uint64_t no_memory = std::numeric_limits<std::uint64_t>::max();

// A number at the beginning of the variable's value; 0 when there is none.
unsigned number_in(const Environment& environment, const char* name) {
  const std::string text = environment(name).value_or("");
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// What tasks of a Slurm step have of their node (srun(1)): "2(x3),1" tasks a node counts as 2.
unsigned slurm_tasks(const Environment& environment) {
  return number_in(environment, "SLURM_STEP_NUM_TASKS") < 2
             ? 1
             : std::max(number_in(environment, "SLURM_STEP_TASKS_PER_NODE"), 1u);
}

unsigned processors(const Environment& environment, unsigned executors) {
  const unsigned own = number_in(environment, "SLURM_CPUS_PER_TASK");
  if (own != 0) return own;
  const unsigned on_node = number_in(environment, "SLURM_CPUS_ON_NODE");
  return (on_node != 0 && slurm_tasks(environment) > 1 ? on_node : usable_processors()) / executors;
}

// The executors on one machine share it; of hosts, the one with the most.
unsigned executors_sharing(const Options& chosen, const Environment& environment) {
  // Those that come later in Slurm come with processors and memory of their own.
  const bool in_step = number_in(environment, "SLURM_STEP_NUM_TASKS") != 0;
  const unsigned grown = in_step && chosen.workers == 0 ? 0 : chosen.max_executors;
  if (chosen.workers != 0 || grown != 0) return std::max(chosen.workers, grown);
  if (chosen.hosts.empty()) return slurm_tasks(environment);
  std::map<std::string, unsigned> counts;
  unsigned most = 1;
  for (const std::string& host : chosen.hosts) most = std::max(most, ++counts[host]);
  return most;
}

void share_machine(Options& chosen, const Environment& environment) {
  if (chosen.workers != 0 && !chosen.hosts.empty()) usage("--workers and --hosts exclude each other");
  if (chosen.max_executors != 0 && !chosen.hosts.empty()) usage("--max-executors and --hosts exclude each other");
  const unsigned executors = executors_sharing(chosen, environment);
  if (chosen.threads == no_threads) chosen.threads = std::max(processors(environment, executors), 1u);
  if (chosen.memory_bytes == no_memory) {
    chosen.memory_bytes = std::max<std::uint64_t>(usable_memory_bytes() / 2 / executors, 1u << 20);
  }
  if (chosen.threads == 0 && (chosen.workers != 0 || !chosen.hosts.empty()))
    usage("--threads 0 runs all in one process: it excludes --workers and --hosts");
  if (chosen.max_executors != 0 && chosen.threads == 0)
    usage("--threads 0 runs all in one process: it excludes --max-executors");
}

Options unset_options(const Environment& environment) {
  Options result;
  result.threads = no_threads;
  result.memory_bytes = no_memory;
  result.tmp = default_tmp(environment);
  result.progress = on_terminal() ? Progress::bar : Progress::none;
  return result;
}

}  // namespace

Options parse_options(const std::vector<std::string>& command_line, const Environment& environment) {
  Options result = unset_options(environment);
  CommandLine given = read_command_line(command_line);
  read_environment(result, environment);
  if (given.configuration) {
    read_configuration(result, *given.configuration, true);
  } else if (const auto path = environment("MILLRACE_CONFIG"); path && !path->empty()) {
    read_configuration(result, *path, true);
  } else if (const auto folder = environment("XDG_CONFIG_HOME"); folder && !folder->empty()) {
    read_configuration(result, *folder + "/millrace.conf", false);
  } else if (const auto home = environment("HOME"); home && !home->empty()) {
    read_configuration(result, *home + "/.config/millrace.conf", false);
  }
  for (const Setting& setting : given.settings)
    set(result, *setting.option, setting.value, "--" + std::string(setting.option->name));
  share_machine(result, environment);
  result.arguments = std::move(given.arguments);
  result.literal_from = given.literal_from;
  return result;
}

}  // namespace dataset

namespace {

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace

Options Options::parse(int argc, const char* const* argv) {
  return dataset::parse_options(std::vector<std::string>(argv + std::min(argc, 1), argv + argc), process_environment);
}

Options Options::defaults() {
  Options result = dataset::unset_options(process_environment);
  dataset::share_machine(result, process_environment);
  return result;
}

std::string Options::help() {
  std::string text;
  const auto add = [&](std::string left, std::string_view description) {
    left.resize(std::max<std::size_t>(left.size() + 2, 32), ' ');
    text.append("  ").append(left).append(description).append("\n");
  };
  for (const dataset::Option& option : dataset::options) {
    if (option.description.empty()) continue;
    std::string left = "--" + std::string(option.name);
    if (option.takes == dataset::Takes::value) left += " " + std::string(option.placeholder);
    if (option.takes == dataset::Takes::optional) left += "[=" + std::string(option.placeholder) + "]";
    add(left, option.description);
  }
  add("--config FILE", "read these options from FILE (default: $MILLRACE_CONFIG, ~/.config/millrace.conf)");
  return text;
}

std::uint64_t parse_size(const std::string& text) {
  static constexpr std::string_view prefixes = "KMGT";
  const char* end = text.data() + text.size();
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  std::string unit(stop, end);
  for (char& c : unit) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  double factor = 1;
  bool known = unit.empty() || unit == "B";
  if (const auto power = unit.empty() ? std::string_view::npos : prefixes.find(unit.front());
      power != std::string_view::npos) {
    known = unit.size() == 1 || unit.substr(1) == "IB" || unit.substr(1) == "B";
    factor = std::pow(unit.size() == 2 ? 1000.0 : 1024.0, static_cast<double>(power + 1));
  }
  const double bytes = number * factor;
  if (error != std::errc{} || !known || !(bytes >= 0) || bytes > 0x1p62)
    throw Error(Cause::usage, "'" + text + "' is not a size; write bytes, or a number with K, M, G or T, such as 512M");
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace millrace
