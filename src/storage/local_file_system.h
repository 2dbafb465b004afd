#pragma once

#include "storage/file_system.h"

namespace millrace::storage {

/// The files of this machine, by POSIX calls. One object for the process; it has no state and is never destroyed.
/// Reads are pread, so an InputFile serves any number of threads. close() hands everything to the kernel and reports
/// what it deferred; it does not wait for the disk, so a machine that loses power may lose recent output.
/// An open file may be removed: it can be read and written until it is closed, and an InputFile sees bytes that are
/// appended after it was opened (size() stays what it was then).
FileSystem& local_file_system();

}  // namespace millrace::storage
