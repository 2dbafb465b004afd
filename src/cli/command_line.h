#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace millrace::cli {

/// Parses what the common options left of an invocation with `app`. Returns false when --help was asked for and
/// printed: the command is then done, with exit status 0. Throws Error(Cause::usage).
bool parse(CLI::App& app, const Invocation& invocation);

}  // namespace millrace::cli
