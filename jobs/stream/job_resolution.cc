#include "jobs/stream/job_resolution.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <limits>

#include <millrace/error.h>

#include "jobs/stream/command_line.h"
#include "jobs/stream/java_classes.h"

namespace millrace::jobs::stream {
namespace {

constexpr std::int64_t most_reduces = 100000;
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

[[noreturn]] void fail(const std::string& message) { throw Error(Cause::usage, message); }

/// Splits at commas outside of braces, as a list of patterns is written.
std::vector<std::string> split_patterns(const std::string& text) {
  std::vector<std::string> patterns(1);
  int depth = 0;
  for (const char c : text) {
    if (c == '{') ++depth;
    if (c == '}') --depth;
    if (c == ',' && depth <= 0) {
      patterns.emplace_back();
    } else {
      patterns.back() += c;
    }
  }
  std::erase(patterns, std::string());
  return patterns;
}

Program program(const std::string& text, std::string_view option) {
  if (names_class(text, "IdentityMapper") || names_class(text, "IdentityReducer")) return {};
  if (text == "aggregate" && option == "-reducer") return {Program::Kind::aggregate, {}};
  if (names_class(text, "ValueAggregatorReducer") || names_class(text, "ValueAggregatorCombiner")) {
    return {Program::Kind::aggregate, {}};
  }
  if (looks_like_class(text)) {
    fail(fmt::format(
        "{} '{}': Java classes cannot run here; give a command, IdentityMapper, IdentityReducer or aggregate", option,
        text));
  }
  if (split_command(text).empty()) fail(fmt::format("{} '{}': the command is empty", option, text));
  return {Program::Kind::command, text};
}

void resolve_programs(RawStreamingOptions& raw) {
  StreamingJob& job = raw.job;
  if (raw.mapper) job.mapper = program(*raw.mapper, "-mapper");
  if (job.mapper.kind == Program::Kind::aggregate) fail("-mapper: the aggregator can only be a reducer");
  if (raw.combiner && *raw.combiner != "NONE") job.combiner = program(*raw.combiner, "-combiner");
  if (job.combiner && job.combiner->kind == Program::Kind::identity) job.combiner.reset();

  if (raw.reduces) {
    job.properties.set("mapreduce.job.reduces", *raw.reduces);
    const std::string& text = *raw.reduces;
    std::uint32_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || end != text.data() + text.size() || count > most_reduces) {
      fail(fmt::format("-numReduceTasks '{}': not a whole number between 0 and {}", text, most_reduces));
    }
  }
  if (raw.reducer == "NONE") {
    job.properties.set("mapreduce.job.reduces", "0");
  } else if (raw.reducer) {
    job.reducer = program(*raw.reducer, "-reducer");
  }
  job.reduces = static_cast<std::uint32_t>(job.properties.get_int("mapreduce.job.reduces", 1, 0, most_reduces));
  job.properties.set_default("mapreduce.job.reduces", std::to_string(job.reduces));
  if (job.reducer.kind == Program::Kind::aggregate && !job.combiner) job.combiner = job.reducer;
  if (job.reduces == 0) job.combiner.reset();
}

void resolve_xml_reader(StreamingJob& job, const std::string& spec) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t comma = 0; comma != std::string::npos; begin = comma + 1) {
    comma = spec.find(',', begin);
    parts.push_back(spec.substr(begin, comma - begin));
  }
  if (!names_class(parts[0], "StreamXmlRecordReader") && !names_class(parts[0], "StreamXmlRecord")) {
    fail(fmt::format("-inputreader '{}': the only reader is StreamXmlRecordReader,begin=TEXT,end=TEXT", spec));
  }
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::size_t equals = std::min(parts[i].find('='), parts[i].size());
    const std::string value = equals < parts[i].size() ? parts[i].substr(equals + 1) : std::string();
    job.properties.set("stream.recordreader." + parts[i].substr(0, equals), value);
  }
  job.input_format = InputFormat::xml;
  job.xml.begin = job.properties.get("stream.recordreader.begin");
  job.xml.end = job.properties.get("stream.recordreader.end");
  job.xml.slow_match = job.properties.get_bool("stream.recordreader.slowmatch", false);
  job.xml.longest = static_cast<std::uint64_t>(job.properties.get_int("stream.recordreader.maxrec", 50000, 1, most));
  if (job.xml.begin.empty() || job.xml.end.empty()) {
    fail(fmt::format("-inputreader '{}': begin=TEXT and end=TEXT are both needed", spec));
  }
}

void resolve_formats(RawStreamingOptions& raw) {
  StreamingJob& job = raw.job;
  const std::string input =
      raw.input_format.value_or(job.properties.get("mapreduce.job.inputformat.class", "TextInputFormat"));
  if (raw.input_reader) {
    resolve_xml_reader(job, *raw.input_reader);
  } else if (names_class(input, "TextInputFormat") || names_class(input, "CombineTextInputFormat")) {
    job.input_format = InputFormat::text;
  } else if (names_class(input, "KeyValueTextInputFormat")) {
    job.input_format = InputFormat::key_value;
  } else if (names_class(input, "NLineInputFormat")) {
    job.input_format = InputFormat::n_line;
  } else {
    const std::string_view why =
        input.find("SequenceFile") != std::string::npos ? "sequence files cannot be read" : "not known";
    fail(fmt::format("-inputformat '{}': {}; use TextInputFormat, KeyValueTextInputFormat or NLineInputFormat", input,
                     why));
  }
  const std::string output =
      raw.output_format.value_or(job.properties.get("mapreduce.job.outputformat.class", "TextOutputFormat"));
  if (names_class(output, "LazyOutputFormat")) {
    job.lazy_output = true;
  } else if (!names_class(output, "TextOutputFormat")) {
    const std::string_view why =
        output.find("SequenceFile") != std::string::npos ? "sequence files cannot be written" : "not known";
    fail(fmt::format("-outputformat '{}': {}; use TextOutputFormat", output, why));
  }
  for (const char* side : {"stream.map.input", "stream.map.output", "stream.reduce.input", "stream.reduce.output"}) {
    const std::string io = raw.io.value_or(job.properties.get(side, "text"));
    if (io != "text") fail(fmt::format("{} '{}': only text can be exchanged with commands", raw.io ? "-io" : side, io));
  }
}

std::string separator(const JobProperties& properties, std::string_view name, std::string_view otherwise = "\t") {
  const std::string value = properties.get(name, otherwise);
  return value.empty() ? std::string(otherwise) : value;
}

void resolve_records(StreamingJob& job, bool keep_bare_keys) {
  const JobProperties& p = job.properties;
  const auto fields = [&](std::string_view name) { return static_cast<std::uint32_t>(p.get_int(name, 1, 0, 1 << 30)); };
  job.map_output = {separator(p, "stream.map.output.field.separator"), fields("stream.num.map.output.key.fields")};
  job.reduce_output = {separator(p, "stream.reduce.output.field.separator"),
                       fields("stream.num.reduce.output.key.fields")};
  job.map_input_separator = separator(p, "stream.map.input.field.separator");
  job.reduce_input_separator = separator(p, "stream.reduce.input.field.separator");
  job.output_separator = separator(p, "mapreduce.output.textoutputformat.separator");
  job.input_key_separator = separator(p, "mapreduce.input.keyvaluelinerecordreader.key.value.separator").substr(0, 1);
  job.lines_per_map =
      static_cast<std::uint32_t>(p.get_int("mapreduce.input.lineinputformat.linespermap", 1, 1, 1 << 30));
  const bool has_key = job.input_format == InputFormat::key_value || job.input_format == InputFormat::n_line;
  job.pass_input_key = !p.get_bool("stream.map.input.ignoreKey", !has_key);
  job.keep_bare_keys = p.get_bool("stream.keep.bare.keys", keep_bare_keys);
  job.compress_output = p.get_bool("mapreduce.output.fileoutputformat.compress", false);
  const std::string codec = p.get("mapreduce.output.fileoutputformat.compress.codec", "GzipCodec");
  if (job.compress_output && !names_class(codec, "GzipCodec") && !names_class(codec, "DefaultCodec")) {
    fail(fmt::format("mapreduce.output.fileoutputformat.compress.codec '{}': only GzipCodec can be written", codec));
  }
}

void resolve_key_fields(RawStreamingOptions& raw) {
  StreamingJob& job = raw.job;
  const JobProperties& p = job.properties;
  job.key_field_separator = separator(p, "mapreduce.map.output.key.field.separator");
  if (job.key_field_separator.size() != 1) {
    fail(fmt::format("mapreduce.map.output.key.field.separator '{}': fields of a key are separated by one byte",
                     job.key_field_separator));
  }
  const std::string partitioner = raw.partitioner.value_or(p.get("mapreduce.job.partitioner.class", "HashPartitioner"));
  if (names_class(partitioner, "KeyFieldBasedPartitioner")) {
    job.partition_by = PartitionBy::key_fields;
    KeyOrdering unused;
    std::string keys = p.get("mapreduce.partition.keypartitioner.options");
    const std::int64_t first_fields = p.get_int("num.key.fields.for.partition", 0, 0, 1 << 30);
    if (keys.empty() && first_fields > 0) keys = fmt::format("-k1,{}", first_fields);
    job.partition_keys = parse_sort_keys(keys, unused);
  } else if (!names_class(partitioner, "HashPartitioner")) {
    fail(fmt::format("-partitioner '{}': not known; use HashPartitioner or KeyFieldBasedPartitioner", partitioner));
  }
  const std::string comparator = p.get("mapreduce.job.output.key.comparator.class");
  if (names_class(comparator, "KeyFieldBasedComparator")) {
    job.sort_keys = parse_sort_keys(p.get("mapreduce.partition.keycomparator.options"), job.sort_ordering);
  } else if (!comparator.empty() && !names_class(comparator, "Text$Comparator")) {
    fail(fmt::format("mapreduce.job.output.key.comparator.class '{}': not known; use KeyFieldBasedComparator",
                     comparator));
  }
}

void resolve_running(StreamingJob& job) {
  const JobProperties& p = job.properties;
  const auto count = [&](std::string_view name) { return static_cast<std::uint32_t>(p.get_int(name, 0, 0, 1 << 20)); };
  job.map_attempts = count("mapreduce.map.maxattempts");
  job.reduce_attempts = count("mapreduce.reduce.maxattempts");
  job.map_tasks_hint = count("mapreduce.job.maps");
  job.split_bytes = static_cast<std::uint64_t>(p.get_int("mapreduce.input.fileinputformat.split.maxsize", 0, 0, most));
  job.recursive_input = p.get_bool("mapreduce.input.fileinputformat.input.dir.recursive", false);
  job.nonzero_exit_fails = p.get_bool("stream.non.zero.exit.is.failure", true);
  job.reporter_prefix = p.get("stream.stderr.reporter.prefix", "reporter:");
  job.environment_limit = p.get_int("stream.jobconf.truncate.limit", -1, -1, most);
  job.silence_limit_ms = p.get_int("mapreduce.task.timeout", 0, 0, most);
  if (job.map_debug.empty()) job.map_debug = p.get("mapreduce.map.debug.script");
  if (job.reduce_debug.empty()) job.reduce_debug = p.get("mapreduce.reduce.debug.script");
}

SharedFile shared_file(const std::string& text, bool unpack) {
  SharedFile file;
  file.unpack = unpack;
  const std::size_t hash = text.rfind('#');
  file.location = text.substr(0, hash);
  while (file.location.size() > 1 && file.location.ends_with('/')) file.location.pop_back();
  file.link = hash == std::string::npos ? file.location.substr(file.location.rfind('/') + 1) : text.substr(hash + 1);
  const bool inside = !file.link.empty() && file.link.front() != '/' && file.link != "." &&
                      ("/" + file.link + "/").find("/../") == std::string::npos;
  if (file.location.empty() || !inside) {
    fail(fmt::format("'{}': not a file to share; the form is PATH or PATH#NAME, NAME inside the working directory",
                     text));
  }
  return file;
}

void resolve_shared_files(RawStreamingOptions& raw) {
  std::vector<SharedFile>& files = raw.job.shared_files;
  const auto add = [&](const std::string& text, bool unpack) {
    SharedFile file = shared_file(text, unpack);
    if (std::find(files.begin(), files.end(), file) != files.end()) return;
    if (std::any_of(files.begin(), files.end(), [&](const SharedFile& other) { return other.link == file.link; })) {
      fail(fmt::format("'{}': two shared files have the name '{}'; give one another name with #NAME", text, file.link));
    }
    files.push_back(std::move(file));
  };
  for (const std::string& text : raw.files) add(text, false);
  for (const std::string& text : raw.archives) add(text, true);
}

}  // namespace

StreamingJob resolve_streaming_job(RawStreamingOptions raw, bool keep_bare_keys) {
  StreamingJob& job = raw.job;
  if (raw.inputs.empty() && job.properties.has("mapreduce.input.fileinputformat.inputdir")) {
    raw.inputs.push_back(job.properties.get("mapreduce.input.fileinputformat.inputdir"));
  }
  for (const std::string& input : raw.inputs) {
    for (std::string& pattern : split_patterns(input)) job.inputs.push_back(std::move(pattern));
  }
  if (job.inputs.empty()) fail("-input is missing: say what to read");
  job.output = raw.output.value_or(job.properties.get("mapreduce.output.fileoutputformat.outputdir"));
  if (job.output.empty()) fail("-output is missing: say where to write");
  resolve_programs(raw);
  resolve_formats(raw);
  resolve_records(job, keep_bare_keys);
  resolve_key_fields(raw);
  resolve_running(job);
  resolve_shared_files(raw);
  return std::move(job);
}

}  // namespace millrace::jobs::stream
