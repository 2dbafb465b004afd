#include "jobs/stream/streaming_options.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include <millrace/error.h>

#include "jobs/stream/java_classes.h"
#include "jobs/stream/job_resolution.h"

namespace millrace::jobs::stream {
namespace {

using Raw = RawStreamingOptions;

enum class Values : std::uint8_t { none, one, many };

/// One option: how many values it takes and what it does with one. An option without values is given "".
struct Option {
  std::string_view name;
  Values values;
  void (*apply)(Raw& raw, const std::string& value);
};

void set_once(std::optional<std::string>& target, const std::string& value) {
  if (!target) target = value;  // Hadoop takes the first of several
}

void set_property(Raw& raw, std::string_view option, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || text.empty())
    throw Error(Cause::usage, fmt::format("{} '{}': the form is name=value", option, text));
  if (equals == std::string::npos) {
    throw Error(Cause::usage, fmt::format("{} '{}': the '=' is missing; the form is name=value", option, text));
  }
  raw.job.properties.set(std::string_view(text).substr(0, equals), std::string_view(text).substr(equals + 1));
}

void add_environment(Raw& raw, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) {
    throw Error(Cause::usage, fmt::format("-cmdenv '{}': the form is name=value", text));
  }
  raw.job.environment.emplace_back(text.substr(0, equals), text.substr(equals + 1));
}

void add_comma_list(std::vector<std::string>& target, const std::string& list) {
  std::size_t begin = 0;
  for (;;) {
    const std::size_t comma = list.find(',', begin);
    if (comma != begin && begin < list.size()) target.push_back(list.substr(begin, comma - begin));
    if (comma == std::string::npos) return;
    begin = comma + 1;
  }
}

void deprecated(Raw& raw, std::string_view option, std::string_view instead) {
  const std::string warning = fmt::format("{} is deprecated: use {}", option, instead);
  auto& warnings = raw.job.warnings;
  if (std::find(warnings.begin(), warnings.end(), warning) == warnings.end()) warnings.push_back(warning);
}

void ignored(Raw& raw, std::string_view option, std::string_view why) {
  raw.job.warnings.push_back(fmt::format("{} has no effect: {}", option, why));
}

constexpr std::array options = {
    // Generic options.
    Option{"conf", Values::one, [](Raw& raw, const std::string& v) { raw.configuration_files.push_back(v); }},
    Option{"D", Values::one, [](Raw& raw, const std::string& v) { set_property(raw, "-D", v); }},
    Option{"fs", Values::one, [](Raw& raw, const std::string& v) { raw.job.properties.set("fs.defaultFS", v); }},
    Option{"jt", Values::one, [](Raw& raw, const std::string&) { ignored(raw, "-jt", "the job runs on this machine"); }},
    Option{"files", Values::one, [](Raw& raw, const std::string& v) { add_comma_list(raw.files, v); }},
    Option{"libjars", Values::one, [](Raw& raw, const std::string& v) { add_comma_list(raw.files, v); }},
    Option{"archives", Values::one, [](Raw& raw, const std::string& v) { add_comma_list(raw.archives, v); }},
    // Streaming options.
    Option{"input", Values::many, [](Raw& raw, const std::string& v) { raw.inputs.push_back(v); }},
    Option{"output", Values::one, [](Raw& raw, const std::string& v) { set_once(raw.output, v); }},
    Option{"mapper", Values::one, [](Raw& raw, const std::string& v) { set_once(raw.mapper, v); }},
    Option{"combiner", Values::one, [](Raw& raw, const std::string& v) { set_once(raw.combiner, v); }},
    Option{"reducer", Values::one, [](Raw& raw, const std::string& v) { set_once(raw.reducer, v); }},
    Option{"file", Values::many,
           [](Raw& raw, const std::string& v) {
             deprecated(raw, "-file", "-files");
             raw.files.push_back(v);
           }},
    Option{"inputformat", Values::one, [](Raw& raw, const std::string& v) { set_once(raw.input_format, v); }},
    Option{"outputformat", Values::one, [](Raw& raw, const std::string& v) { set_once(raw.output_format, v); }},
    Option{"partitioner", Values::one, [](Raw& raw, const std::string& v) { set_once(raw.partitioner, v); }},
    Option{"numReduceTasks", Values::one, [](Raw& raw, const std::string& v) { set_once(raw.reduces, v); }},
    Option{"inputreader", Values::one, [](Raw& raw, const std::string& v) { set_once(raw.input_reader, v); }},
    Option{"cmdenv", Values::one, add_environment},
    Option{"mapdebug", Values::one, [](Raw& raw, const std::string& v) { raw.job.map_debug = v; }},
    Option{"reducedebug", Values::one, [](Raw& raw, const std::string& v) { raw.job.reduce_debug = v; }},
    Option{"io", Values::one, [](Raw& raw, const std::string& v) { set_once(raw.io, v); }},
    Option{"lazyOutput", Values::none, [](Raw& raw, const std::string&) { raw.job.lazy_output = true; }},
    Option{"background", Values::none,
           [](Raw& raw, const std::string&) {
             raw.job.background = true;
             ignored(raw, "-background", "the job ends with this command; put '&' behind it in a shell");
           }},
    Option{"verbose", Values::none, [](Raw& raw, const std::string&) { raw.job.verbose = true; }},
    Option{"debug", Values::none, [](Raw& raw, const std::string&) { raw.job.verbose = true; }},
    Option{"info", Values::none,
           [](Raw& raw, const std::string&) { raw.job.action = StreamingJob::Action::detailed_help; }},
    Option{"help", Values::none,
           [](Raw& raw, const std::string&) {
             if (raw.job.action == StreamingJob::Action::run) raw.job.action = StreamingJob::Action::help;
           }},
    // Deprecated options.
    Option{"jobconf", Values::one,
           [](Raw& raw, const std::string& v) {
             deprecated(raw, "-jobconf", "-D");
             set_property(raw, "-jobconf", v);
           }},
    Option{"cacheFile", Values::many,
           [](Raw& raw, const std::string& v) {
             deprecated(raw, "-cacheFile", "-files");
             add_comma_list(raw.files, v);
           }},
    Option{"cacheArchive", Values::many,
           [](Raw& raw, const std::string& v) {
             deprecated(raw, "-cacheArchive", "-archives");
             add_comma_list(raw.archives, v);
           }},
    Option{"dfs", Values::one,
           [](Raw& raw, const std::string& v) {
             deprecated(raw, "-dfs", "-fs");
             raw.job.properties.set("fs.defaultFS", v);
           }},
    Option{"additionalconfspec", Values::one,
           [](Raw& raw, const std::string& v) {
             deprecated(raw, "-additionalconfspec", "-conf");
             raw.configuration_files.push_back(v);
           }},
};

const Option* find_option(std::string_view argument) {
  if (!argument.starts_with('-')) return nullptr;
  argument.remove_prefix(argument.starts_with("--") ? 2 : 1);
  const auto found = std::find_if(options.begin(), options.end(), [&](const Option& o) { return o.name == argument; });
  return found == options.end() ? nullptr : &*found;
}

[[noreturn]] void refuse(std::string_view argument) {
  if (argument.starts_with('-') && argument.size() > 1) {
    throw Error(Cause::usage, fmt::format("{}: there is no such option; -help lists them", argument));
  }
  throw Error(Cause::usage,
              fmt::format("'{}' belongs to no option; a command with blanks needs quotes around it", argument));
}

}  // namespace

StreamingJob parse_streaming_options(std::span<const std::string> arguments, FileReader read_file,
                                     bool keep_bare_keys) {
  Raw raw;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const Option* option = find_option(argument);
    if (option == nullptr) {
      if (!argument.starts_with("-D") || argument.size() == 2) refuse(argument);
      set_property(raw, "-D", argument.substr(2));
      continue;
    }
    if (option->values == Values::none) {
      option->apply(raw, {});
      continue;
    }
    if (++i == arguments.size()) throw Error(Cause::usage, fmt::format("{} needs a value", argument));
    option->apply(raw, arguments[i]);
    while (option->values == Values::many && i + 1 < arguments.size() && !arguments[i + 1].starts_with('-')) {
      option->apply(raw, arguments[++i]);
    }
  }
  if (raw.job.action != StreamingJob::Action::run) return std::move(raw.job);

  // A file's properties yield to those of the command line, wherever it stands there.
  const JobProperties named = std::move(raw.job.properties);
  raw.job.properties = {};
  for (const std::string& path : raw.configuration_files) {
    raw.job.properties.add_configuration(read_file(path), path);
  }
  for (const auto& [name, value] : named.all()) raw.job.properties.set(name, value);
  return resolve_streaming_job(std::move(raw), keep_bare_keys);
}

std::string streaming_help(bool detailed) {
  std::string text =
      "Usage: millrace stream [GENERIC OPTIONS] -input PATH -output DIR -mapper COMMAND [OPTIONS]\n"
      "\n"
      "Runs commands in any language as mapper and reducer, by the contract of Hadoop Streaming.\n"
      "\n"
      "  -input PATH…          what to read: files, directories, patterns; may be repeated\n"
      "  -output DIR           where part-00000… and _SUCCESS go; must not exist (or say --overwrite)\n"
      "  -mapper COMMAND       reads input lines, writes key<TAB>value lines\n"
      "  -combiner COMMAND     as the reducer, on what one mapper wrote\n"
      "  -reducer COMMAND      reads lines sorted by key; NONE: map only; aggregate: the built-in aggregator\n"
      "  -numReduceTasks N     how many reducers, and parts of the output (1)\n"
      "  -file FILE…           makes FILE available in the working directory of the commands\n"
      "  -cmdenv NAME=VALUE    adds to the environment of the commands; may be repeated\n"
      "  -inputformat CLASS    TextInputFormat, KeyValueTextInputFormat, NLineInputFormat\n"
      "  -outputformat CLASS   TextOutputFormat\n"
      "  -inputreader SPEC     StreamXmlRecordReader,begin=TEXT,end=TEXT\n"
      "  -partitioner CLASS    KeyFieldBasedPartitioner, HashPartitioner\n"
      "  -io text              how records are exchanged with the commands\n"
      "  -lazyOutput           no file for a part without records\n"
      "  -mapdebug COMMAND     run when a map task has failed; -reducedebug for reduce tasks\n"
      "  -verbose, -info, -help\n"
      "\n"
      "Generic options: -D NAME=VALUE, -conf FILE, -files A,B#LINK, -archives A,B#LINK, -fs file:///\n";
  if (!detailed) return text + "-info tells more.\n";
  text +=
      "\n"
      "A command is split at blanks and quotes; there is no shell: use sh -c '…' for pipes.\n"
      "It runs in a directory of its own and finds there, by name, what -file, -files and -archives list.\n"
      "Every property is in its environment, with '_' for whatever is no letter or digit: mapreduce_map_input_file,\n"
      "mapreduce_task_id, mapreduce_task_partition, mapreduce_job_id. Lines on standard error count and report:\n"
      "  reporter:counter:GROUP,COUNTER,AMOUNT   reporter:status:MESSAGE\n"
      "\n"
      "Properties:\n"
      "  mapreduce.job.reduces=N                            reducers; 0: map only\n"
      "  stream.map.output.field.separator=TEXT             what ends a key (TAB); stream.reduce.output.… likewise\n"
      "  stream.num.map.output.key.fields=N                 the key is the first N fields (1)\n"
      "  mapreduce.partition.keypartitioner.options=-k1,2   which fields choose the reducer\n"
      "  mapreduce.partition.keycomparator.options=-k2,2nr  how keys are sorted, with\n"
      "    mapreduce.job.output.key.comparator.class=KeyFieldBasedComparator\n"
      "  mapreduce.map.output.key.field.separator=TEXT      between those fields (TAB)\n"
      "  mapreduce.map.maxattempts=N                        tries of a map task; mapreduce.reduce.maxattempts\n"
      "  mapreduce.input.lineinputformat.linespermap=N      of NLineInputFormat (1)\n"
      "  mapreduce.input.fileinputformat.split.maxsize=BYTES  the most that one mapper reads\n"
      "  mapreduce.output.fileoutputformat.compress=true    gzip\n"
      "  stream.non.zero.exit.is.failure=false              a command may exit as it likes\n"
      "  stream.keep.bare.keys=false                        a line without TAB gets one behind it, as Hadoop does\n";
  return text;
}

}  // namespace millrace::jobs::stream
