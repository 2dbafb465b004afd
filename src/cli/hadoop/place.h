#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/file_system.h"

namespace millrace::cli {

/// A file as the user names it and as this machine does.
struct Place {
  std::string shown;  ///< with the scheme that the user wrote
  std::string local;

  Place child(std::string_view name) const;
  /// The last component of its path.
  std::string name() const;
};

/// Throws Error(usage) for a file system that there is not.
Place place_of(std::string_view argument);

/// The places that an argument stands for: itself when it is no pattern or exists; else what its pattern matches,
/// sorted. Hidden names need a pattern that begins with a dot. Empty when nothing matches.
std::vector<Place> expand(const storage::FileSystem& files, std::string_view argument);

}  // namespace millrace::cli
