#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace millrace {

/// How a running job shows what it does, on standard error.
enum class Progress : std::uint8_t {
  none,   ///< nothing
  bar,    ///< one line a stage, redrawn in place: for a terminal
  plain,  ///< a line now and then: for logs
};

/// What every job can be told, whoever wrote it. A value set on the command line wins over one in the configuration
/// file, that over one in the environment, and that over the default; docs/configuration.md lists them all.
///
/// A value type: copies are independent, and no member function touches shared state.
struct Options {
  unsigned threads = 0;                    ///< of each executor; 0 runs everything in the calling thread, in order
  std::uint64_t memory_bytes = 0;          ///< what an executor's tables, buffers, caches and blocks may hold together
  std::string tmp;                         ///< an existing directory for spills and shuffle files
  std::uint32_t workers = 0;               ///< executor processes on this machine; 0: the tasks run in this process
  std::vector<std::string> hosts;          ///< machines on which executors are started by ssh, a name for each executor
  std::string ssh;                         ///< the command that does so, with options of its own; empty: ssh
  std::string listen;                      ///< the driver's address for them; empty: the one by which they are reached
  bool tls = false;                        ///< streams between processes are encrypted; with hosts they always are
  std::uint32_t max_executors = 0;         ///< more executors are started while tasks wait, up to so many; 0: none
  std::uint64_t executor_idle_ms = 60000;  ///< those that were added and run nothing for so long are given back
  std::uint64_t executor_timeout_ms = 10000;  ///< silence after which an executor counts as lost
  std::string journal;         ///< where the run writes down what it has done, to go on from; empty: nowhere
  bool fair = false;           ///< jobs that run at the same time share the slots; else the older one comes first
  bool no_backups = false;     ///< no second attempts of tasks that are slow
  std::uint32_t reducers = 0;  ///< partitions after a shuffle; 0: chosen from the size of the input
  bool overwrite = false;      ///< replace an output that exists, once the new one is complete
  Progress progress = Progress::none;  ///< never Progress::bar by default when standard error is no terminal
  std::string events;                  ///< where to write the event log; empty: nowhere
  std::string report;                  ///< where to write the report (.html: a page, else text); empty: nowhere
  std::string trace;                   ///< where to write a trace for Perfetto; empty: nowhere
  bool ui = false;                     ///< serve the live page and the metrics of the run on 127.0.0.1
  std::uint16_t ui_port = 0;           ///< where; 0: any port that is free
  std::string ui_token;                ///< what its address must contain; empty: random
  std::uint64_t skip_bad_records = 0;  ///< how many bad records a job may skip before it fails
  unsigned attempts = 4;               ///< how often a task may be tried before its job fails
  /// What collect() and its like may bring to the driver, encoded; 0: whatever it takes.
  std::uint64_t result_limit_bytes = std::uint64_t{1} << 30;
  std::uint64_t split_bytes = 0;       ///< input bytes a task; 0: chosen from the size of the input
  bool file_shuffle = false;           ///< hand shuffle blocks over as files, as between machines
  std::vector<std::string> arguments;  ///< what is left for the job, in order, without the program's name
  std::size_t literal_from = 0;  ///< arguments from this index on stood behind "--"; arguments.size() when none did

  /// Reads the command line, the configuration file and the environment. Takes the options that it knows, as
  /// "--name value" or "--name=value", out of argv; everything else stays in `arguments`, and so does everything
  /// behind "--" (which is itself dropped).
  /// Throws Error(Cause::usage) that names the option and where it was set when a value is not what it should be,
  /// when the configuration file has an unknown name, or when a file that was asked for cannot be read.
  /// It is not an error if the default configuration file does not exist.
  static Options parse(int argc, const char* const* argv);

  /// The defaults of this machine: as parse() gives without arguments, configuration file and environment.
  static Options defaults();

  /// The text that describes these options, for a job's --help: one line an option, ending in a newline.
  static std::string help();
};

/// Reads a size: a number, with a fraction if need be, and a unit. K, M, G, T (and KiB, …) are powers of 1024;
/// KB, MB, GB, TB are powers of 1000; no unit or B means bytes. Throws Error(Cause::usage).
std::uint64_t parse_size(const std::string& text);

}  // namespace millrace
