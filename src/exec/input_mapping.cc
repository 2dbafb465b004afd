#include "exec/input_mapping.h"

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <mutex>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include <millrace/error.h>

#include "storage/compression.h"
#include "storage/file_error.h"

namespace millrace::exec {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t most_files = 1024;  // the system allows a process some 65,000 mappings

/// Where areas for all processes of a machine lie, one behind the other: far from where the system puts the program,
/// its heap, its libraries, and whatever is mapped without a wish.
#if defined(__SANITIZE_THREAD__)
constexpr std::uint64_t first_area = std::uint64_t{1} << 38;  // the sanitizer keeps its own books where others lie
#else
constexpr std::uint64_t first_area = std::uint64_t{1} << 45;
#endif
constexpr std::uint64_t behind_areas = first_area * 2;
std::atomic<std::uint64_t> next_area{first_area};

std::size_t room_of(std::size_t file_bytes) { return (file_bytes + page - 1) / page * page + page; }

/// An area whose pages may be missing. What the signal handler looks at is atomic, and never moves.
struct Watched {
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::uintptr_t> end{0};
  std::atomic<std::uintptr_t> missing{0};  // the first address where a page was missing
  const InputMapping* mapping = nullptr;   // under the mutex
};
std::array<Watched, 64> watched_areas;
std::mutex watched_mutex;
std::atomic<bool> any_missing{false};
struct sigaction before_us;

/// Puts a page of zeros where a page of a file is gone, so that the reader goes on to where it is told.
void on_missing_page(int, siginfo_t* info, void*) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (Watched& area : watched_areas) {
    if (address < area.begin.load() || address >= area.end.load()) continue;
    void* const at = static_cast<char*>(info->si_addr) - address % page;
    // The system call itself: mmap() is none of the functions that a signal handler may call. Other threads may read
    // there meanwhile; they meet the page that is missing, and come here, or the zeros.
    constexpr int kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    if (syscall(SYS_mmap, at, page, PROT_READ, kind, -1, 0) == -1) break;
    std::uintptr_t none = 0;
    area.missing.compare_exchange_strong(none, address);
    any_missing.store(true);
    return;
  }
  sigaction(SIGBUS, &before_us, nullptr);  // not ours: it comes again, to whoever was there before
}

/// The caller holds the mutex.
void install_handler() {
  struct sigaction ours {};
  ours.sa_sigaction = on_missing_page;
  ours.sa_flags = SA_SIGINFO;
  sigemptyset(&ours.sa_mask);
  struct sigaction found {};
  sigaction(SIGBUS, &ours, &found);
  if (found.sa_sigaction != on_missing_page) before_us = found;
}

/// Calls visit(range, first of a file) for the ranges of a source, in order. A range that does not go on where the one
/// before ended begins another file, or the same one that was named again.
template <class Source, class Visit>
void for_each_range(Source& source, Visit visit) {
  std::string last;
  std::uint64_t last_end = 0;
  for (auto& split : source.splits) {
    for (auto& range : split.ranges) {
      visit(range, last.empty() || range.path != last || range.begin != last_end);
      last = range.path;
      last_end = range.end;
    }
  }
}

void check_unchanged(const plan::MappedArea::File& file) {
  struct stat status {};
  if (::stat(file.path.c_str(), &status) != 0) storage::throw_file_error(Cause::input, "open", file.path, errno);
  if (static_cast<std::uint64_t>(status.st_size) == file.bytes) return;
  throw Error(Cause::input, fmt::format("cannot read {}: it was changed while it was read; it had {} bytes, and has {}",
                                        file.path, file.bytes, status.st_size));
}

}  // namespace

std::shared_ptr<const InputMapping> InputMapping::map(plan::Source& source, For whom) {
  const std::shared_ptr<InputMapping> mapping(new InputMapping);
  if (!mapping->list_files(source) || !mapping->map_files(whom) || !mapping->watch()) return nullptr;
  mapping->point(source);
  if (whom == For::machine) {
    source.area.address = reinterpret_cast<std::uintptr_t>(mapping->begin_);
    for (const File& file : mapping->files_) source.area.files.push_back({file.path, file.content.size()});
  }
  return mapping;
}

std::shared_ptr<const InputMapping> InputMapping::at(const plan::MappedArea& area) {
  static std::mutex one_at_a_time;
  const std::lock_guard alone(one_at_a_time);
  for (bool going = true; going; std::this_thread::yield()) {
    going = false;
    const std::lock_guard lock(watched_mutex);
    for (const Watched& watched : watched_areas) {
      if (watched.mapping == nullptr || watched.begin.load() != area.address) continue;
      if (auto there = watched.mapping->weak_from_this().lock()) return there;
      going = true;  // its last user has let it go, and waits for us
    }
  }
  const std::shared_ptr<InputMapping> mapping(new InputMapping);
  for (const plan::MappedArea::File& file : area.files) {
    mapping->files_.push_back({file.path, {static_cast<const char*>(nullptr), file.bytes}});
  }
  if (mapping->map_files_at(area.address) && mapping->watch()) return mapping;
  for (const plan::MappedArea::File& file : area.files) check_unchanged(file);
  throw Error(Cause::input, fmt::format("cannot map the {} input files to {:#x}, where the driver has them",
                                        area.files.size(), area.address));
}

std::vector<std::shared_ptr<const InputMapping>> InputMapping::of(const plan::Stage& stage) {
  std::vector<std::shared_ptr<const InputMapping>> mappings;
  for (const plan::MappedArea& area : stage.refers_to) mappings.push_back(at(area));
  for (const auto& [node, source] : stage.sources) {
    if (source.area.address != 0) mappings.push_back(at(source.area));
  }
  return mappings;
}

std::vector<std::shared_ptr<const InputMapping>> InputMapping::attach(plan::Stage& stage) {
  auto mappings = of(stage);
  for (auto& [node, source] : stage.sources) {
    if (source.area.address != 0) at(source.area)->point(source);
  }
  return mappings;
}

void InputMapping::point(plan::Source& source) const {
  std::size_t files = 0;
  for_each_range(source, [&](plan::FileRange& range, bool first) {
    if (first) ++files;
    if (files > files_.size() || range.end > files_[files - 1].content.size()) {
      throw Error(Cause::bad_data, "a stage reads what is not in its mapped files");
    }
    range.mapped = files_[files - 1].content;
  });
}

InputMapping::~InputMapping() {
  const std::lock_guard lock(watched_mutex);
  if (watched_ != 0) {
    Watched& area = watched_areas[watched_ - 1];
    area.end.store(0);
    area.begin.store(0);
    area.missing.store(0);
    area.mapping = nullptr;
  }
  if (begin_ != nullptr) munmap(begin_, size_);
}

bool InputMapping::list_files(const plan::Source& source) {
  bool suitable = true;
  for_each_range(source, [&](const plan::FileRange& range, bool first) {
    if (first) {
      struct stat status {};
      suitable = suitable && range.begin == 0 && files_.size() < most_files &&
                 ::stat(range.path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
      const std::size_t size = suitable ? static_cast<std::size_t>(status.st_size) : 0;
      suitable = suitable && (source.record_bytes == 0 || size % source.record_bytes == 0);
      files_.push_back({range.path, {static_cast<const char*>(nullptr), size}});
    }
    suitable = suitable && range.end <= files_.back().content.size();
  });
  return suitable && !files_.empty();
}

bool InputMapping::map_files(For whom) {
  if (whom == For::this_process) return map_files_at(0);
  const std::uint64_t address = next_area.fetch_add(size_of_files());
  return address < behind_areas && map_files_at(address);
}

std::size_t InputMapping::size_of_files() const {
  std::size_t size = page;
  for (const File& file : files_) size += room_of(file.content.size());
  return size;
}

/// Address 0: wherever the system likes it.
bool InputMapping::reserve(std::uint64_t address) {
  const int where = address == 0 ? 0 : MAP_FIXED_NOREPLACE;
  void* const wanted = std::bit_cast<void*>(address);
  void* const area =
      mmap(wanted, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | where, -1, 0);
  if (area == MAP_FAILED) return false;
  begin_ = static_cast<char*>(area);
  return address == 0 || area == wanted;  // kernels before 4.17 take it for a wish
}

bool InputMapping::map_files_at(std::uint64_t address) {
  size_ = size_of_files();
  if (!reserve(address)) return false;
  char* at = begin_;
  for (File& file : files_) {
    const std::size_t size = file.content.size();
    if (size != 0 && !map_file(file, at)) return false;
    at[size] = '\n';
    file.content = {at, size};
    at += room_of(size);
  }
  *at = '\n';  // where the search for the end of a line ends at the latest, should the files be cut
  return mprotect(begin_, size_, PROT_READ) == 0;
}

bool InputMapping::map_file(const File& file, char* at) const {
  const std::size_t size = file.content.size();
  const int descriptor = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return false;
  struct stat status {};
  std::array<std::byte, 4> first_bytes{};
  bool suitable = ::fstat(descriptor, &status) == 0 && static_cast<std::size_t>(status.st_size) == size;
  const ssize_t got = ::pread(descriptor, first_bytes.data(), first_bytes.size(), 0);
  suitable = suitable && got >= 0 &&
             storage::detect_compression(std::span(first_bytes).first(static_cast<std::size_t>(got))) ==
                 storage::Compression::none;
  suitable = suitable && mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, descriptor,
                              0) != MAP_FAILED;
  ::close(descriptor);
  return suitable;
}

/// False when so many are watched that there is no place left.
bool InputMapping::watch() {
  const std::lock_guard lock(watched_mutex);
  for (std::size_t i = 0; i < watched_areas.size(); ++i) {
    Watched& area = watched_areas[i];
    if (area.mapping != nullptr) continue;
    area.mapping = this;
    area.begin.store(reinterpret_cast<std::uintptr_t>(begin_));
    area.end.store(reinterpret_cast<std::uintptr_t>(begin_) + size_);
    watched_ = i + 1;
    install_handler();
    return true;
  }
  return false;
}

void InputMapping::check() {
  if (!any_missing.load()) return;
  const std::lock_guard lock(watched_mutex);
  for (const Watched& area : watched_areas) {
    if (area.mapping != nullptr && area.missing.load() != 0) {
      throw Error(Cause::input, area.mapping->damage(area.missing.load()));
    }
  }
}

std::string InputMapping::damage(std::uintptr_t address) const {
  const char* const at = begin_ + (address - reinterpret_cast<std::uintptr_t>(begin_));
  for (const File& file : files_) {
    const std::string_view content = file.content;
    if (at < content.data() || at > content.data() + content.size()) continue;
    return fmt::format("cannot read {} at byte {}: it was cut while it was read, or its disk failed; it had {} bytes",
                       file.path, at - content.data(), content.size());
  }
  return fmt::format("cannot read {}: it was cut while it was read", files_.front().path);
}

}  // namespace millrace::exec
