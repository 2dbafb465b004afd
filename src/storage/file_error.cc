#include "storage/file_error.h"

#include <cerrno>
#include <fmt/format.h>
#include <system_error>

namespace millrace::storage {
namespace {

Cause refine(Cause cause, int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EROFS:
      return Cause::out_of_disk;
    case ENOMEM:
      return Cause::out_of_memory;
    default:
      return cause;
  }
}

}  // namespace

void throw_file_error(Cause cause, std::string_view action, const std::string& path, int error) {
  throw Error(refine(cause, error),
              fmt::format("cannot {} {}: {}", action, path, std::generic_category().message(error)));
}

}  // namespace millrace::storage
