#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>

#include <millrace/context.h>

#include "cluster/driver.h"

namespace millrace {

namespace {

Options parse_or_exit(int argc, char** argv) {
  try {
    return Options::parse(argc, argv);
  } catch (const Error& error) {
    fmt::print(stderr, "{}: {}\n", argc > 0 ? argv[0] : "millrace", error.what());
    std::exit(2);
  }
}

}  // namespace

Context::Context(int argc, char** argv) : Context(parse_or_exit(argc, argv)) {}

Context::Context(Options options) {
  auto driver = std::make_shared<cluster::Driver>(std::move(options));
  internal::Session* session = driver->session().get();
  session_ = std::shared_ptr<internal::Session>(std::move(driver), session);
}

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
