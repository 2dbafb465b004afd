#pragma once

#include <functional>
#include <string>

#include <millrace/error.h>

namespace millrace::cluster {

/// What a program does not catch ends it without unwinding, so that no destructor ends its run. While one of these
/// lives, an Error that nobody catches ends the program like a command: its text on standard error, the run ended in an
/// orderly way by `end_run`, status 1. Any other exception still aborts, for a debugger to see, but leaves no files
/// behind. Not installed where the program has a terminate handler of its own (std::set_terminate).
class UncaughtErrors {
 public:
  /// `program` is how the message begins. `end_run` is called at most once, in the thread that threw.
  UncaughtErrors(std::string program, std::function<void(const Error&)> end_run);
  ~UncaughtErrors();
  UncaughtErrors(const UncaughtErrors&) = delete;
  UncaughtErrors& operator=(const UncaughtErrors&) = delete;
};

}  // namespace millrace::cluster
