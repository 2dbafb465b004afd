#pragma once

#include <string>
#include <vector>

namespace millrace::dataset {

/// The value of --hosts: names separated by commas, each as ssh takes it (`host`, `user@host`, an alias of ssh's
/// configuration), with `:N` behind it for N executors there; `@FILE` stands for what a file lists, one or several a
/// line, `#` before comments. Returns a name for each executor, all of a host's together, in the order in which hosts
/// were named first. Empty text: none. Throws Error(usage) for what is no name.
std::vector<std::string> parse_hosts(const std::string& text);

}  // namespace millrace::dataset
