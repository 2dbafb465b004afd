#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <sys/types.h>
#include <vector>

namespace millrace::cluster {

/// The cluster's own way to say who somebody is: a credential that the munge daemon of any of its nodes can check
/// (munge(7)). Its library is loaded when it is first needed. All throw Error(lost_node) when it is not there.

/// Only processes of this user can read the content.
std::string munge(std::span<const std::byte> content);

struct Unmunged {
  uid_t user = 0;
  std::vector<std::byte> content;
};
/// Throws Error(lost_node) for a credential that is forged, too old, or was shown before.
Unmunged unmunge(const std::string& credential);

}  // namespace millrace::cluster
