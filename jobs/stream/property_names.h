#pragma once

#include <span>
#include <string_view>

namespace millrace::jobs::stream {

/// A property that was renamed between Hadoop 1 and 2. Both names mean the same property, for good.
struct PropertyName {
  std::string_view old_name;
  std::string_view current_name;
};

/// The name that a property has today; `name` itself when it was never renamed. The result points into `name` or into
/// static storage.
std::string_view current_property_name(std::string_view name);

/// Every renamed property, sorted by its old name.
std::span<const PropertyName> renamed_properties();

}  // namespace millrace::jobs::stream
