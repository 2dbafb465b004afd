#include <array>
#include <cstring>

#include <millrace/error.h>

namespace millrace {
namespace {
constexpr std::array<const char*, 10> cause_names = {"user_code",     "bad_data",    "lost_input", "lost_node",
                                                     "out_of_memory", "out_of_disk", "input",      "output",
                                                     "usage",         "internal"};
}

const char* name(Cause cause) noexcept { return cause_names[static_cast<std::size_t>(cause)]; }

Cause cause_from_name(const char* text) noexcept {
  for (std::size_t i = 0; i < cause_names.size(); ++i) {
    if (std::strcmp(cause_names[i], text) == 0) return static_cast<Cause>(i);
  }
  return Cause::internal;
}

}  // namespace millrace
