#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <functional>

#include <millrace/context.h>

#include "cluster/driver.h"
#include "cluster/executor_process.h"

namespace millrace {

namespace {

// In an executor's process the program's main comes as far as its first Context.
Options be_executor_or(std::function<Options()> options) {
  try {
    if (const auto seat = cluster::seat_of_this_process()) cluster::run_executor(*seat);
  } catch (const Error& error) {
    fmt::print(stderr, "millrace: {}\n", error.what());
    std::_Exit(1);
  }
  return options();
}

// Datasets hold on to the session, and so to all of the driver.
std::shared_ptr<internal::Session> start(Options options, int argc, const char* const* argv) {
  auto driver = std::make_shared<cluster::Driver>(std::move(options), argc, argv);
  internal::Session* session = driver->session();
  return {std::move(driver), session};
}

[[noreturn]] void exit_with(int status, const char* program, const Error& error) {
  fmt::print(stderr, "{}: {}\n", program, error.what());
  std::exit(status);
}

Options parse_or_exit(int argc, char** argv) {
  try {
    return Options::parse(argc, argv);
  } catch (const Error& error) {
    exit_with(2, argc > 0 ? argv[0] : "millrace", error);
  }
}

std::shared_ptr<internal::Session> start_or_exit(int argc, char** argv) {
  Options options = be_executor_or([&] { return parse_or_exit(argc, argv); });
  try {
    return start(std::move(options), argc, argv);
  } catch (const Error& error) {
    exit_with(error.cause() == Cause::usage ? 2 : 1, argc > 0 ? argv[0] : "millrace", error);
  }
}

}  // namespace

Context::Context(int argc, char** argv) : session_(start_or_exit(argc, argv)) {}

Context::Context(Options options) : session_(start(be_executor_or([&] { return std::move(options); }), 0, nullptr)) {}

const Options& Context::options() const { return session_->options(); }
const std::vector<std::string>& Context::args() const { return session_->options().arguments; }

Dataset<std::string_view, internal::TextSource> Context::read_text(std::vector<std::string> inputs, Site site) const {
  auto node = open("read_text", site, internal::SourceFormat::text, std::move(inputs), 0, {});
  return {session_, node, {internal::id_of(node)}};
}

Dataset<std::string_view, internal::RecordSource<std::string_view>> Context::read_binary(
    std::vector<std::string> inputs, std::uint64_t record_bytes, Site site) const {
  auto node = open("read_binary", site, internal::SourceFormat::records, std::move(inputs), record_bytes, {});
  return {session_, node, {internal::id_of(node), record_bytes}};
}

Dataset<CsvRow, internal::CsvSource> Context::read_csv(std::vector<std::string> inputs, const CsvOptions& options,
                                                       Site site) const {
  internal::SourceSpec spec;
  spec.format = internal::SourceFormat::csv;
  spec.inputs = std::move(inputs);
  spec.separator = options.separator;
  spec.quote = options.quote;
  spec.header = options.header;
  spec.quoted_newlines = options.quoted_newlines;
  auto node = session_->source("read_csv", site, spec);
  return {session_, node, {internal::id_of(node)}};
}

Dataset<JsonValue, internal::JsonSource> Context::read_json_lines(std::vector<std::string> inputs, Site site) const {
  auto node = open("read_json_lines", site, internal::SourceFormat::text, std::move(inputs), 0, {});
  return {session_, node, {internal::id_of(node)}};
}

internal::NodePtr Context::open(const char* operation, Site site, internal::SourceFormat format,
                                std::vector<std::string> inputs, std::uint64_t record_bytes,
                                std::string element_type) const {
  internal::SourceSpec spec;
  spec.format = format;
  spec.inputs = std::move(inputs);
  spec.record_bytes = record_bytes;
  spec.element_type = std::move(element_type);
  return session_->source(operation, site, spec);
}

}  // namespace millrace
