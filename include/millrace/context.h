#pragma once

#include <memory>
#include <string>
#include <vector>

#include <millrace/csv.h>
#include <millrace/dataset.h>
#include <millrace/json.h>
#include <millrace/options.h>
#include <millrace/reader.h>

namespace millrace {

/// Where a job starts: it holds the options, makes datasets and runs what actions ask for.
///
/// Make one near the beginning of main(). What stands before it runs in every process that takes part in the job, so
/// keep it to parsing and checks. Several Contexts may live at once; a Context outlives nothing: datasets keep what
/// they need. Any thread may call it.
class Context {
 public:
  /// Takes the options of options.h out of the command line; args() is what is left. For a wrong option it prints a
  /// message and ends the process with status 2, and for --help-millrace it prints the options and ends with 0.
  Context(int argc, char** argv);
  /// Throws Error(usage) for options that contradict each other or a temporary directory that does not exist.
  explicit Context(Options options);
  /// On a session that runs its jobs elsewhere than in this process's threads.
  explicit Context(std::shared_ptr<internal::Session> session) : session_(std::move(session)) {}

  const Options& options() const;
  /// What the command line holds beside Millrace's options.
  const std::vector<std::string>& args() const;

  // ---- sources
  // -------------------------------------------------------------------------------------------------------- Inputs are
  // files, directories (their files, but for names that begin with _ or .), globs, and lists of them; gzip and zstd
  // files are told by their content. A missing input throws Error(input) here, before any work.

  /// The lines of text files, without their newline (a \r before it stays).
  Dataset<std::string_view, internal::TextSource> read_text(std::vector<std::string> inputs,
                                                            Site site = Site::current()) const;
  Dataset<std::string_view, internal::TextSource> read_text(const std::string& input,
                                                            Site site = Site::current()) const {
    return read_text(std::vector<std::string>{input}, site);
  }

  /// Pairs (path, content) of whole files, each of which must fit in memory.
  auto read_files(std::vector<std::string> inputs, Site site = Site::current()) const {
    auto node = open("read_files", site, internal::SourceFormat::whole_files, std::move(inputs), 0, {});
    using Chain = internal::WholeFileSource;
    return Dataset<std::pair<std::string_view, std::string_view>, Chain>(session_, node, Chain{internal::id_of(node)});
  }
  auto read_files(const std::string& input, Site site = Site::current()) const {
    return read_files(std::vector<std::string>{input}, site);
  }

  /// The rows of CSV files (csv.h): `row[0]`, `row["name"]`, `row.get<double>("price")`. A row that is broken is
  /// Error(bad_data), or skipped under --skip-bad-records.
  Dataset<CsvRow, internal::CsvSource> read_csv(std::vector<std::string> inputs, const CsvOptions& options = {},
                                                Site site = Site::current()) const;
  Dataset<CsvRow, internal::CsvSource> read_csv(const std::string& input, const CsvOptions& options = {},
                                                Site site = Site::current()) const {
    return read_csv(std::vector<std::string>{input}, options, site);
  }

  /// The values of JSON Lines files, one JSON text a line (json_value.h): `value["user"]["name"].as_text()`. A line
  /// that is no JSON, or a value that is not what a function asks of it, is Error(bad_data), or skipped under
  /// --skip-bad-records.
  Dataset<JsonValue, internal::JsonSource> read_json_lines(std::vector<std::string> inputs,
                                                           Site site = Site::current()) const;
  Dataset<JsonValue, internal::JsonSource> read_json_lines(const std::string& input,
                                                           Site site = Site::current()) const {
    return read_json_lines(std::vector<std::string>{input}, site);
  }

  /// Files of any format: read(split, emit) gives the records of one piece of a file (reader.h), elements of type T.
  ///
  ///   auto records = context.read_with<std::string_view>("*.log", [](millrace::InputSplit& split, auto& emit) { … });
  template <class T, class F>
  auto read_with(std::vector<std::string> inputs, F read, const ReaderOptions& options = {},
                 Site site = Site::current()) const {
    internal::SourceSpec spec;
    spec.format = internal::SourceFormat::pieces;
    spec.inputs = std::move(inputs);
    spec.divisible = options.divisible;
    auto node = session_->source("read_with", site, spec);
    using Chain = internal::ReaderSource<F, T>;
    return Dataset<T, Chain>(session_, node,
                             Chain{internal::id_of(node), internal::keep_function(*session_, read, "read_with", site)});
  }
  template <class T, class F>
  auto read_with(const std::string& input, F read, const ReaderOptions& options = {},
                 Site site = Site::current()) const {
    return read_with<T>(std::vector<std::string>{input}, std::move(read), options, site);
  }

  /// Files of fixed-size binary records, the object bytes of a trivially copyable T.
  template <class T>
  auto read_records(std::vector<std::string> inputs, Site site = Site::current()) const {
    static_assert(internal::Plain<T>, "read_records<T>(): T must be a plain struct or number");
    auto node = open("read_records", site, internal::SourceFormat::records, std::move(inputs), sizeof(T), {});
    using Chain = internal::RecordSource<T>;
    return Dataset<T, Chain>(session_, node, Chain{internal::id_of(node), sizeof(T)});
  }
  template <class T>
  auto read_records(const std::string& input, Site site = Site::current()) const {
    return read_records<T>(std::vector<std::string>{input}, site);
  }
  /// The same for a size that is known only when the job runs; elements are views of `record_bytes` bytes.
  Dataset<std::string_view, internal::RecordSource<std::string_view>> read_binary(std::vector<std::string> inputs,
                                                                                  std::uint64_t record_bytes,
                                                                                  Site site = Site::current()) const;

  /// Millrace's own record files, as Dataset::save() wrote them. Throws Error(bad_data) when they hold another type.
  template <class T>
  auto load(std::vector<std::string> inputs, Site site = Site::current()) const {
    auto node =
        open("load", site, internal::SourceFormat::encoded, std::move(inputs), 0, internal::element_type_name<T>());
    using Chain = internal::EncodedSource<T>;
    return Dataset<T, Chain>(session_, node, Chain{internal::id_of(node)});
  }
  template <class T>
  auto load(const std::string& input, Site site = Site::current()) const {
    return load<T>(std::vector<std::string>{input}, site);
  }

  /// The elements of a container, cut into `partitions` (0: one for some 65,536 elements).
  template <class T>
  auto parallelize(const std::vector<T>& values, std::uint32_t partitions = 0, Site site = Site::current()) const {
    static_assert(Element<T>, "this element type has no millrace::Codec; see millrace/codec.h");
    const std::uint32_t parts = pieces(values.size(), partitions);
    std::vector<std::vector<std::byte>> payloads(parts);
    std::uint64_t bytes = 0;
    for (std::uint32_t p = 0; p < parts; ++p) {
      Encoder out;
      for (std::size_t i = values.size() * p / parts; i < values.size() * (p + 1) / parts; ++i) out.put<T>(values[i]);
      bytes += out.size();
      payloads[p] = out.take();
    }
    auto node = session_->values("parallelize", site, std::move(payloads), bytes, false);
    using Chain = internal::EncodedSource<T>;
    return Dataset<T, Chain>(session_, node, Chain{internal::id_of(node)});
  }

  /// f(0), f(1), … f(n-1), computed in the tasks.
  template <class F>
  auto generate(std::uint64_t n, F f, std::uint32_t partitions = 0, Site site = Site::current()) const {
    using Chain = internal::GenerateSource<F>;
    using T = std::remove_cvref_t<typename Chain::element>;
    const std::uint32_t parts = pieces(n, partitions);
    std::vector<std::vector<std::byte>> payloads(parts);
    for (std::uint32_t p = 0; p < parts; ++p) {
      Encoder out;
      out.put(n / parts * p + std::min<std::uint64_t>(p, n % parts));
      out.put(n / parts * (p + 1) + std::min<std::uint64_t>(p + 1, n % parts));
      payloads[p] = out.take();
    }
    auto node = session_->values("generate", site, std::move(payloads), n * sizeof(T), true);
    return Dataset<T, Chain>(session_, node,
                             Chain{internal::id_of(node), internal::keep_function(*session_, f, "generate", site)});
  }

  // ---- shared variables
  // -----------------------------------------------------------------------------------------------

  /// A read-only value for all tasks.
  template <class T>
  Broadcast<T> broadcast(const T& value) const {
    Encoder out;
    out.put(value);
    return Broadcast<T>(session_->broadcast(out.take()));
  }
  /// A variable that tasks add to; Op is Sum<T>, Max<T>, Min<T>, or any type with zero() and add(into, value).
  template <class T, class Op = Sum<T>>
  Accumulator<T, Op> accumulator() const {
    return Accumulator<T, Op>(session_->accumulator());
  }
  /// The value of a named counter (count() in tasks) over all jobs so far; 0 when nothing was counted.
  std::int64_t counter(const std::string& name) const { return session_->counter(name); }

  const std::shared_ptr<internal::Session>& session() const { return session_; }

 private:
  internal::NodePtr open(const char* operation, Site site, internal::SourceFormat format,
                         std::vector<std::string> inputs, std::uint64_t record_bytes, std::string element_type) const;
  static std::uint32_t pieces(std::uint64_t elements, std::uint32_t wanted) {
    if (wanted != 0) return wanted;
    constexpr std::uint64_t elements_each = 65536;
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(elements / elements_each, 1, 256));
  }

  std::shared_ptr<internal::Session> session_;
};

/// Adds to a named counter of the job from inside a task. Counted once, whatever is retried.
inline void count(std::string_view counter, std::int64_t amount = 1) {
  TaskContext* task = TaskContext::current();
  if (task == nullptr) throw Error(Cause::usage, "millrace::count was called outside of a task");
  task->add_to_counter(counter, amount);
}

}  // namespace millrace
