#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include <millrace/error.h>

#include "cluster/journal_state.h"

// Any bytes are read as a journal, as far as they are one. The input is a sequence of records without checksums (a
// length in one byte, the kind, the payload), so that the fuzzer comes as far as what records say; and the same bytes
// are read as the file that they are.

namespace {

using namespace millrace::cluster;

void check(std::span<const std::byte> file) {
  try {
    const JournalState state = JournalState::read(file);
    if (state.whole_bytes > file.size()) std::abort();
    const JournalState again = JournalState::read(file.first(state.whole_bytes));
    if (again.whole_bytes != state.whole_bytes || again.stages.size() != state.stages.size()) std::abort();
  } catch (const millrace::Error& error) {
    if (error.cause() != millrace::Cause::bad_data) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  check(input);
  const auto header = journal::file_header();
  std::vector<std::byte> file(header.begin(), header.end());
  for (std::size_t at = 0; at + 2 <= input.size();) {
    const std::size_t length = std::min<std::size_t>(data[at], input.size() - at - 2);
    journal::append_record(file, file.size(), data[at + 1], input.subspan(at + 2, length));
    at += 2 + length;
  }
  check(file);
  return 0;
}
