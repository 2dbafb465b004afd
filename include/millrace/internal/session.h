#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <millrace/options.h>
#include <millrace/task.h>

// What the operations of dataset.h ask of the driver. The plan itself (src/plan) stays out of the public headers.

namespace millrace::plan {
struct Node;
}

namespace millrace {

/// The place in the job's source that called an operation; failures and explain() name it.
struct Site {
  const char* file = "";
  unsigned line = 0;
  static constexpr Site current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {file, line};
  }
};

/// Where a persisted dataset is kept.
enum class Persist : std::uint8_t {
  memory,           ///< partitions that do not fit are computed again from their lineage
  memory_and_disk,  ///< partitions that do not fit are read back from disk
  disk,
};

namespace internal {

/// One operation of a dataset's lineage.
using NodePtr = std::shared_ptr<const plan::Node>;

std::uint32_t id_of(const NodePtr& node);
std::uint32_t partitions_of(const NodePtr& node);

enum class SourceFormat : std::uint8_t {
  text,         ///< buffers of whole lines
  records,      ///< fixed-size records
  encoded,      ///< Millrace's record files: blocks of encoded elements
  whole_files,  ///< each file is one buffer
  csv,          ///< rows, quoted newlines included
  pieces,       ///< pieces of files, for a reader of the user's
  values,       ///< encoded elements or a range, held in the plan
};

struct SourceSpec {
  SourceFormat format = SourceFormat::text;
  std::vector<std::string> inputs;  ///< files, directories, globs
  std::uint64_t record_bytes = 0;   ///< of `records`
  std::string element_type;         ///< of `encoded`: what the file must say it holds
  char separator = ',';             ///< of `csv`
  char quote = '"';                 ///< of `csv`; 0: none
  bool header = false;              ///< of `csv`: the first row of each file names the columns
  bool quoted_newlines = true;      ///< of `csv`
  bool divisible = true;            ///< of `pieces`: files may be cut
  // What --split does not decide:
  std::uint32_t splits = 0;             ///< about how many; 0: from the size of the input
  std::uint64_t least_split_bytes = 0;  ///< for tasks that are slow to start; 0: the usual
};

/// What becomes of what the tasks of an action give.
enum class Results : std::uint8_t {
  streamed,  ///< the driver takes one after the other and keeps none
  gathered,  ///< the driver keeps them in memory: --result-limit holds
  sampled,   ///< the tasks run on a sample of the source's input instead of its partitions; it is kept, and small
};

/// A job to run: the code for each partition of `node`.
struct Action {
  NodePtr node;
  std::string operation;
  Site site;
  std::uint64_t code = 0;
  std::vector<std::byte> closure;
  std::vector<std::uint32_t> partitions;  ///< those to run; empty: all
  Results results = Results::streamed;
  std::string output_directory;  ///< where part files go, committed with the job; empty: none
  std::string part_suffix;       ///< of part file names, such as ".csv"
};

class Session {
 public:
  virtual ~Session() = default;
  virtual const Options& options() const = 0;

  virtual NodePtr source(const std::string& operation, Site site, const SourceSpec& spec) = 0;
  /// A source whose partitions are given as bytes; `bytes` estimates the volume.
  virtual NodePtr values(const std::string& operation, Site site, std::vector<std::vector<std::byte>> partitions,
                         std::uint64_t bytes, bool ranges) = 0;
  /// The same source, whose lines or records lie in memory for as long as the node lives and may be referred to by
  /// their addresses. Null where it has to be read instead.
  virtual NodePtr in_memory(const NodePtr& source) = 0;
  /// `elementwise`: what it makes of an element depends on that element alone, so it may run on a sample of them.
  virtual NodePtr narrow(const std::string& operation, Site site, std::vector<NodePtr> parents,
                         std::uint32_t partitions, bool elementwise = false) = 0;
  virtual NodePtr shuffle(const std::string& operation, Site site, const NodePtr& parent, std::uint64_t map_code,
                          std::vector<std::byte> map_closure, std::uint32_t partitions) = 0;
  virtual NodePtr persist(Site site, const NodePtr& parent, Persist level) = 0;
  virtual void unpersist(const NodePtr& node) = 0;

  /// Partitions for a shuffle of what `node` gives: --reducers, else from the volume of the input.
  virtual std::uint32_t default_partitions(const NodePtr& node) const = 0;
  /// Throws Error(usage) when captured bytes hold an address of this process: it would mean nothing elsewhere.
  virtual void check_captured(std::span<const std::byte> bytes, const std::string& operation, Site site) const = 0;

  /// Runs the job and hands its results over, block by block, in the order of the partitions. Blocks the caller.
  /// Throws Error with the cause of the failure.
  virtual void run(Action action, const std::function<void(std::span<const std::byte>)>& result) = 0;

  /// Whether a sample of the source stands for the node's content (only narrow operations since one source).
  virtual bool can_sample(const NodePtr& node) const = 0;
  virtual std::string explain(const NodePtr& node) const = 0;

  virtual std::uint32_t broadcast(std::vector<std::byte> value) = 0;
  virtual std::uint32_t accumulator() = 0;
  virtual std::int64_t counter(const std::string& name) const = 0;
  /// A new empty directory for a checkpoint, removed with the session.
  virtual std::string checkpoint_directory() = 0;
};

}  // namespace internal
}  // namespace millrace
