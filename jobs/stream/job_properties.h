#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace millrace::jobs::stream {

/// The properties of one job: what -D, -jobconf and -conf set. A property has one value whichever of its names is used.
/// A value type; const member functions may be called from any thread.
class JobProperties {
 public:
  void set(std::string_view name, std::string_view value);
  /// Sets it only where nothing did yet.
  void set_default(std::string_view name, std::string_view value);
  bool has(std::string_view name) const;

  /// The value, with every ${name} in it replaced by that property's value (or the environment's ${env.NAME}); what
  /// names nothing stays as it stands. `otherwise` when the property is not set.
  std::string get(std::string_view name, std::string_view otherwise = {}) const;
  /// Throws Error(usage) when the value is neither true nor false.
  bool get_bool(std::string_view name, bool otherwise) const;
  /// Throws Error(usage) when the value is not a whole number between `low` and `high`.
  std::int64_t get_int(std::string_view name, std::int64_t otherwise, std::int64_t low, std::int64_t high) const;

  /// Adds the properties of a Hadoop configuration file (XML): one <property> with <name> and <value> each. `path` is
  /// for errors. Throws Error(usage) that names the path and the byte when it is not such a file.
  void add_configuration(std::string_view xml, std::string_view path);

  /// Current names only, sorted.
  const std::map<std::string, std::string, std::less<>>& all() const { return values_; }

 private:
  std::string expand(std::string_view value, int& names_left) const;

  std::map<std::string, std::string, std::less<>> values_;
};

/// A property's name as an environment variable: every byte that is no ASCII letter or digit becomes '_'.
std::string environment_name(std::string_view property);

}  // namespace millrace::jobs::stream
