#pragma once

#include <string>
#include <string_view>

#include <millrace/error.h>

namespace millrace::storage {

/// Throws the Error for a failed system call: "cannot <action> <path>: <what the system said>". `error` is an errno
/// value. ENOSPC, EDQUOT and EROFS become Cause::out_of_disk and ENOMEM Cause::out_of_memory, whatever `cause` says.
[[noreturn]] void throw_file_error(Cause cause, std::string_view action, const std::string& path, int error);

}  // namespace millrace::storage
