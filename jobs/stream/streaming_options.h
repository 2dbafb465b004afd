#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/sort_key/sort_key.h"
#include "jobs/stream/job_properties.h"
#include "jobs/stream/key_fields.h"

// The command line of Hadoop Streaming, as a value.

namespace millrace::jobs::stream {

/// What runs as mapper, combiner or reducer.
struct Program {
  enum class Kind : std::uint8_t {
    identity,   ///< records pass unchanged (no option given, or the class IdentityMapper / IdentityReducer)
    command,    ///< a process
    aggregate,  ///< the built-in aggregator
  };
  Kind kind = Kind::identity;
  std::string command;  ///< of a process, as given
};

/// How input becomes records.
enum class InputFormat : std::uint8_t {
  text,       ///< TextInputFormat: a line; its key is the byte where it begins
  key_value,  ///< KeyValueTextInputFormat: a line, split at a separator
  n_line,     ///< NLineInputFormat: as text, with a fixed number of lines for each mapper
  xml,        ///< StreamXmlRecordReader: what stands between two marks, marks included
};

/// StreamXmlRecordReader's parameters.
struct XmlRecords {
  std::string begin;
  std::string end;
  std::uint64_t longest = 50000;  ///< bytes; a longer record is cut there, as `maxrec` says (only with slow_match)
  bool slow_match = false;        ///< marks inside <![CDATA[ ]]> do not count
};

/// A file that every task sees in its working directory.
struct SharedFile {
  std::string location;  ///< as given, without '#link'
  std::string link;      ///< its name in the working directory
  bool unpack = false;   ///< an archive: the link is a directory with what is in it

  friend bool operator==(const SharedFile&, const SharedFile&) = default;
};

enum class PartitionBy : std::uint8_t { whole_key, key_fields };

/// A streaming job as its command line says. A value; nothing in it has been looked up in a file system.
struct StreamingJob {
  enum class Action : std::uint8_t { run, help, detailed_help };
  Action action = Action::run;

  std::vector<std::string> inputs;  ///< locations and patterns, in order
  std::string output;
  Program mapper;
  std::optional<Program> combiner;
  Program reducer;
  std::uint32_t reduces = 1;  ///< 0: the mappers' output is the output
  std::vector<SharedFile> shared_files;
  std::vector<std::pair<std::string, std::string>> environment;  ///< -cmdenv, in order

  InputFormat input_format = InputFormat::text;
  XmlRecords xml;
  std::uint32_t lines_per_map = 1;         ///< of n_line
  std::string input_key_separator = "\t";  ///< of key_value
  bool pass_input_key = false;             ///< the mapper's lines begin with the record's key
  std::string map_input_separator = "\t";  ///< between that key and the value
  std::string reduce_input_separator = "\t";
  KeyLayout map_output;
  KeyLayout reduce_output;
  std::string output_separator = "\t";
  bool keep_bare_keys = true;  ///< a line without separator stays so; else it gets one behind it, as Hadoop does
  bool lazy_output = false;    ///< no file for a part without records
  bool compress_output = false;

  PartitionBy partition_by = PartitionBy::whole_key;
  std::vector<SortKey> partition_keys;            ///< of key_fields; empty: the whole key
  std::optional<std::vector<SortKey>> sort_keys;  ///< KeyFieldBasedComparator; none: keys compare by their bytes
  KeyOrdering sort_ordering;                      ///< of sort keys without options of their own
  std::string key_field_separator = "\t";         ///< between the fields that partition_keys and sort_keys number

  std::string map_debug;
  std::string reduce_debug;
  bool background = false;
  bool verbose = false;

  std::uint32_t map_attempts = 0;     ///< 0: the engine's default
  std::uint32_t reduce_attempts = 0;  ///< 0: the engine's default
  std::uint32_t map_tasks_hint = 0;   ///< mapreduce.job.maps; 0: none
  std::uint64_t split_bytes = 0;      ///< the largest split; 0: the engine's default
  bool recursive_input = false;
  bool nonzero_exit_fails = true;
  std::string reporter_prefix = "reporter:";
  std::int64_t environment_limit = -1;  ///< longer property values are cut for the environment; -1: never
  std::int64_t silence_limit_ms = 0;    ///< an attempt that neither reads nor writes for so long fails; 0: never

  JobProperties properties;           ///< all of them, those above included
  std::vector<std::string> warnings;  ///< for the user: deprecated and ignored options

  /// The properties that a job is known by; set before the first task runs.
  std::string name() const { return properties.get("mapreduce.job.name", "streamjob"); }
};

/// Reads a whole file for -conf. Throws Error.
using FileReader = std::string (*)(const std::string& path);

/// Reads the arguments behind `millrace stream` or `hadoop jar …streaming.jar`, after Millrace's own options were taken
/// out. Options may begin with one or two dashes; generic ones may stand anywhere. `keep_bare_keys` is the default of
/// the property stream.keep.bare.keys. Throws Error(usage) that names the option and what is wrong with it.
StreamingJob parse_streaming_options(std::span<const std::string> arguments, FileReader read_file,
                                     bool keep_bare_keys = true);

/// The text for -help and -info.
std::string streaming_help(bool detailed);

}  // namespace millrace::jobs::stream
