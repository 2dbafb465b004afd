#include "storage/faulty_file_system.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "storage/file_error.h"

namespace millrace::storage {
namespace {

const char* name(FileOperation operation) {
  switch (operation) {
    case FileOperation::open:
      return "open";
    case FileOperation::read:
      return "read";
    case FileOperation::create:
      return "create";
    case FileOperation::write:
      return "write";
    case FileOperation::close:
      return "close";
    case FileOperation::stat:
      return "stat";
    case FileOperation::list:
      return "list";
    case FileOperation::make_directories:
      return "create directory";
    case FileOperation::rename:
      return "rename";
    case FileOperation::exchange:
      return "exchange";
    case FileOperation::remove_all:
      return "remove";
  }
  return "use";
}

bool reads(FileOperation operation) {
  return operation == FileOperation::open || operation == FileOperation::read || operation == FileOperation::stat ||
         operation == FileOperation::list;
}

/// Whether a file system that is read-only refuses it: closing a file that was open before is none of these.
bool changes(FileOperation operation) { return !reads(operation) && operation != FileOperation::close; }

bool can_have(FileOperation operation, Fault fault) {
  switch (fault) {
    case Fault::over_quota:
      return !reads(operation);
    case Fault::read_only:
      return changes(operation);
    case Fault::short_read:
      return operation == FileOperation::read;
    case Fault::torn_write:
      return operation == FileOperation::write;
    case Fault::bit_flip:
      return operation == FileOperation::read || operation == FileOperation::write;
    case Fault::unsupported:
      return operation == FileOperation::exchange;
    default:
      return true;
  }
}

int error_number(Fault fault) {
  switch (fault) {
    case Fault::out_of_disk:
      return ENOSPC;
    case Fault::over_quota:
      return EDQUOT;
    case Fault::read_only:
      return EROFS;
    default:
      return EIO;
  }
}

[[noreturn]] void fail(FileOperation operation, const std::string& path, Fault fault) {
  throw_file_error(reads(operation) ? Cause::input : Cause::output, name(operation), path, error_number(fault));
}

void flip_bit(std::span<std::byte> bytes, std::uint64_t random) {
  if (bytes.empty()) return;
  bytes[(random >> 3) % bytes.size()] ^= std::byte{1} << (random & 7);
}

}  // namespace

class FaultyInputFile final : public InputFile {
 public:
  FaultyInputFile(const FaultyFileSystem& owner, std::unique_ptr<InputFile> base)
      : owner_(owner), base_(std::move(base)) {}

  std::size_t read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    const auto verdict = owner_.judge(FileOperation::read, base_->path());
    if (!verdict.fault) return base_->read_at(offset, into);
    if (*verdict.fault == Fault::short_read && !into.empty()) {
      return base_->read_at(offset, into.first(verdict.random % into.size()));
    }
    if (*verdict.fault == Fault::bit_flip) {
      const std::size_t count = base_->read_at(offset, into);
      flip_bit(into.first(count), verdict.random);
      return count;
    }
    fail(FileOperation::read, base_->path(), *verdict.fault);
  }

  std::uint64_t size() const override { return base_->size(); }
  const std::string& path() const override { return base_->path(); }

 private:
  const FaultyFileSystem& owner_;
  std::unique_ptr<InputFile> base_;
};

class FaultyOutputFile final : public OutputFile {
 public:
  FaultyOutputFile(const FaultyFileSystem& owner, std::unique_ptr<OutputFile> base)
      : owner_(owner), base_(std::move(base)) {}

  void write(std::span<const std::byte> bytes) override {
    const auto verdict = owner_.judge(FileOperation::write, base_->path());
    if (!verdict.fault) {
      const auto [fitting, fault] = owner_.take_space(bytes.size());
      base_->write(bytes.first(fitting));
      if (fitting < bytes.size()) fail(FileOperation::write, base_->path(), fault);
    } else if (*verdict.fault == Fault::bit_flip) {
      std::vector<std::byte> copy(bytes.begin(), bytes.end());
      flip_bit(copy, verdict.random);
      base_->write(copy);
    } else {
      if (*verdict.fault == Fault::torn_write && !bytes.empty())
        base_->write(bytes.first(verdict.random % bytes.size()));
      fail(FileOperation::write, base_->path(), *verdict.fault);
    }
  }

  void close() override {
    owner_.admit(FileOperation::close, base_->path());
    base_->close();
  }

  std::uint64_t size() const override { return base_->size(); }
  const std::string& path() const override { return base_->path(); }

 private:
  const FaultyFileSystem& owner_;
  std::unique_ptr<OutputFile> base_;
};

void FaultyFileSystem::add_rule(FaultRule rule) {
  const std::lock_guard lock(mutex_);
  rules_.push_back({std::move(rule), 0});
}

void FaultyFileSystem::set_rates(const FaultRates& rates) {
  const std::lock_guard lock(mutex_);
  rates_ = rates;
}

void FaultyFileSystem::set_disk_space(std::uint64_t bytes, Fault fault) {
  const std::lock_guard lock(mutex_);
  space_ = bytes;
  no_space_ = fault;
}

void FaultyFileSystem::heal() {
  const std::lock_guard lock(mutex_);
  rules_.clear();
  rates_ = {};
  space_ = std::numeric_limits<std::uint64_t>::max();
}

std::uint64_t FaultyFileSystem::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::uint64_t FaultyFileSystem::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

std::optional<Fault> FaultyFileSystem::roll(FileOperation operation) const {
  const auto happens = [this](double rate) {
    return rate > 0 && std::uniform_real_distribution<double>(0, 1)(random_) < rate;
  };
  if (operation == FileOperation::read) {
    if (happens(rates_.read_error)) return Fault::error;
    if (happens(rates_.short_read)) return Fault::short_read;
    if (happens(rates_.read_bit_flip)) return Fault::bit_flip;
  } else if (operation == FileOperation::write) {
    if (happens(rates_.write_error)) return Fault::error;
    if (happens(rates_.torn_write)) return Fault::torn_write;
    if (happens(rates_.write_bit_flip)) return Fault::bit_flip;
  }
  return std::nullopt;
}

FaultyFileSystem::Verdict FaultyFileSystem::judge(FileOperation operation, const std::string& path,
                                                  const std::string& other) const {
  const std::lock_guard lock(mutex_);
  ++calls_;
  Verdict verdict;
  for (Rule& rule : rules_) {
    const FaultRule& wanted = rule.rule;
    if (wanted.operation && *wanted.operation != operation) continue;
    if (!can_have(operation, wanted.fault)) continue;
    const std::string& part = wanted.path_contains;
    if (path.find(part) == std::string::npos && other.find(part) == std::string::npos) continue;
    const std::uint64_t number = rule.matched++;
    if (number >= wanted.after && number - wanted.after < wanted.times && !verdict.fault) verdict.fault = wanted.fault;
  }
  if (!verdict.fault) verdict.fault = roll(operation);
  if (verdict.fault) {
    ++faults_;
    verdict.random = random_();
  }
  return verdict;
}

bool FaultyFileSystem::admit(FileOperation operation, const std::string& path, const std::string& other) const {
  const Verdict verdict = judge(operation, path, other);
  if (!verdict.fault) return true;
  if (*verdict.fault == Fault::unsupported) return false;
  fail(operation, other.empty() ? path : path + " to " + other, *verdict.fault);
}

std::pair<std::uint64_t, Fault> FaultyFileSystem::take_space(std::uint64_t bytes) const {
  const std::lock_guard lock(mutex_);
  const std::uint64_t taken = std::min(bytes, space_);
  if (space_ != std::numeric_limits<std::uint64_t>::max()) space_ -= taken;
  if (taken < bytes) ++faults_;
  return {taken, no_space_};
}

std::unique_ptr<InputFile> FaultyFileSystem::open(const std::string& path) const {
  admit(FileOperation::open, path);
  return std::make_unique<FaultyInputFile>(*this, base_.open(path));
}

std::unique_ptr<OutputFile> FaultyFileSystem::create(const std::string& path) {
  admit(FileOperation::create, path);
  return std::make_unique<FaultyOutputFile>(*this, base_.create(path));
}

bool FaultyFileSystem::stat(const std::string& path, FileInfo& info) const {
  admit(FileOperation::stat, path);
  return base_.stat(path, info);
}

std::vector<FileInfo> FaultyFileSystem::list(const std::string& directory) const {
  admit(FileOperation::list, directory);
  return base_.list(directory);
}

void FaultyFileSystem::make_directories(const std::string& path) {
  admit(FileOperation::make_directories, path);
  base_.make_directories(path);
}

void FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  admit(FileOperation::rename, from, to);
  base_.rename(from, to);
}

bool FaultyFileSystem::exchange(const std::string& one, const std::string& other) {
  return admit(FileOperation::exchange, one, other) && base_.exchange(one, other);
}

void FaultyFileSystem::remove_all(const std::string& path) {
  admit(FileOperation::remove_all, path);
  base_.remove_all(path);
}

}  // namespace millrace::storage
