#include <cstdint>
#include <cstdlib>

#include <millrace/error.h>

#include "plan/job.h"

// Any bytes are a stage or are refused as bad data; and a stage that was read is written and read again as itself.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;
  plan::Stage stage;
  try {
    stage = plan::decode_stage(std::as_bytes(std::span(data, size)));
  } catch (const Error& error) {
    if (error.cause() != Cause::bad_data) std::abort();
    return 0;
  }
  const auto bytes = plan::encode_stage(stage);
  if (plan::encode_stage(plan::decode_stage(bytes)) != bytes) std::abort();
  return 0;
}
