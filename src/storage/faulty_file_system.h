#pragma once

#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "storage/file_system.h"

namespace millrace::storage {

enum class FileOperation : std::uint8_t {
  open,
  read,
  create,
  write,
  close,
  stat,
  list,
  make_directories,
  rename,
  exchange,
  remove_all
};

enum class Fault : std::uint8_t {
  error,        ///< the call does nothing and throws Cause::input (open, read, stat, list) or Cause::output
  out_of_disk,  ///< the call does nothing and throws Cause::out_of_disk, as ENOSPC does
  over_quota,   ///< the same for EDQUOT
  read_only,    ///< the same for EROFS, of the calls that change something
  short_read,   ///< a read returns a part of what is there, as from a file that lost its end
  torn_write,   ///< a write leaves a part of its bytes in the file and throws Cause::output
  bit_flip,     ///< a read or a write passes on its bytes with one bit changed, and says nothing
  unsupported,  ///< an exchange returns false
};

/// Injects `fault` into the calls that match: of those, the first `after` pass and the next `times` fail.
struct FaultRule {
  Fault fault = Fault::error;
  std::optional<FileOperation> operation = {};  ///< of any kind when empty
  std::string path_contains = {};               ///< matches every path when empty; for two paths, either
  std::uint64_t after = 0;
  std::uint64_t times = std::numeric_limits<std::uint64_t>::max();
};

/// The chance of each fault at each call that can have it, from 0 to 1.
struct FaultRates {
  double read_error = 0;
  double short_read = 0;
  double read_bit_flip = 0;
  double write_error = 0;
  double torn_write = 0;
  double write_bit_flip = 0;
};

/// Passes every call on to another file system and injects failures: by rules, by rates from a seed, and by a limit to
/// the bytes that can be written (what is removed does not come back). The same calls in the same order meet the
/// same faults. `base` outlives this object, and this object the files it opened. Any thread may call.
class FaultyFileSystem final : public FileSystem {
 public:
  explicit FaultyFileSystem(FileSystem& base, std::uint64_t seed = 0) : base_(base), random_(seed) {}

  void add_rule(FaultRule rule);
  void set_rates(const FaultRates& rates);
  /// From now on `bytes` more can be written; the write that passes the limit writes what fits and throws the fault,
  /// `out_of_disk` or `over_quota`.
  void set_disk_space(std::uint64_t bytes, Fault fault = Fault::out_of_disk);
  /// No more faults. Counts stay.
  void heal();

  /// Calls so far, of every operation, those on open files included.
  std::uint64_t calls() const;
  /// Calls into which a fault was injected.
  std::uint64_t faults() const;

  std::unique_ptr<InputFile> open(const std::string& path) const override;
  std::unique_ptr<OutputFile> create(const std::string& path) override;
  bool stat(const std::string& path, FileInfo& info) const override;
  std::vector<FileInfo> list(const std::string& directory) const override;
  void make_directories(const std::string& path) override;
  void rename(const std::string& from, const std::string& to) override;
  bool exchange(const std::string& one, const std::string& other) override;
  void remove_all(const std::string& path) override;

 private:
  friend class FaultyInputFile;
  friend class FaultyOutputFile;

  struct Rule {
    FaultRule rule;
    std::uint64_t matched = 0;
  };
  /// What a call has to do: no fault, or one with a number that shapes it (which bit, how many bytes).
  struct Verdict {
    std::optional<Fault> fault;
    std::uint64_t random = 0;
  };

  Verdict judge(FileOperation operation, const std::string& path, const std::string& other = {}) const;
  /// judge() for a call that can only fail or pass; throws the fault. Returns false for Fault::unsupported.
  bool admit(FileOperation operation, const std::string& path, const std::string& other = {}) const;
  std::optional<Fault> roll(FileOperation operation) const;
  /// How many of `bytes` still fit on the disk, which it takes, and what to throw when these are not all.
  std::pair<std::uint64_t, Fault> take_space(std::uint64_t bytes) const;

  FileSystem& base_;
  mutable std::mutex mutex_;
  mutable std::mt19937_64 random_;
  mutable std::vector<Rule> rules_;
  FaultRates rates_;
  mutable std::uint64_t space_ = std::numeric_limits<std::uint64_t>::max();
  Fault no_space_ = Fault::out_of_disk;
  mutable std::uint64_t calls_ = 0;
  mutable std::uint64_t faults_ = 0;
};

}  // namespace millrace::storage
