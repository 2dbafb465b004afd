#include "jobs/stream/archive.h"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <memory>

#include <millrace/error.h>

namespace millrace::jobs::stream {
namespace {

constexpr std::size_t block_bytes = 256 * 1024;

struct CloseReader {
  void operator()(archive* a) const { archive_read_free(a); }
};
struct CloseWriter {
  void operator()(archive* a) const { archive_write_free(a); }
};
using Reader = std::unique_ptr<archive, CloseReader>;
using Writer = std::unique_ptr<archive, CloseWriter>;

std::string reason(archive* a) {
  const char* text = archive_error_string(a);
  return text != nullptr ? text : "unknown error";
}

[[noreturn]] void fail_write(archive* disk, const std::string& path) {
  const int code = archive_errno(disk);
  const bool full = code == ENOSPC || code == EDQUOT || code == EROFS;
  throw Error(full ? Cause::out_of_disk : Cause::output,
              fmt::format("{}: cannot be written: {}", path, code > 0 ? std::strerror(code) : reason(disk)));
}

void copy_content(archive* source, archive* disk, const std::string& archive_path, const std::string& path) {
  for (;;) {
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int result = archive_read_data_block(source, &block, &size, &offset);
    if (result == ARCHIVE_EOF) return;
    if (result < ARCHIVE_WARN)
      throw Error(Cause::bad_data, fmt::format("{}: broken archive: {}", archive_path, reason(source)));
    if (archive_write_data_block(disk, block, size, offset) < ARCHIVE_OK) fail_write(disk, path);
  }
}

/// The entry's place below `directory`; nothing for what would be outside.
std::filesystem::path place(const char* name, const std::filesystem::path& directory, const std::string& archive_path) {
  const std::filesystem::path entry = name != nullptr ? std::filesystem::path(name) : std::filesystem::path();
  const bool leaves = entry.is_absolute() || std::find(entry.begin(), entry.end(), "..") != entry.end();
  if (entry.empty() || leaves) {
    throw Error(Cause::bad_data,
                fmt::format("{}: the entry '{}' would be outside of the directory that it is unpacked into",
                            archive_path, entry.string()));
  }
  return directory / entry;
}

}  // namespace

bool is_archive_name(std::string_view name) {
  constexpr std::array<std::string_view, 13> endings = {".zip",     ".jar",  ".tar",    ".tgz", ".tar.gz",
                                                        ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst",
                                                        ".tzst",    ".egg",  ".whl"};
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

void unpack_archive(const std::string& path, const std::string& directory) {
  const Reader source(archive_read_new());
  archive_read_support_filter_all(source.get());
  archive_read_support_format_tar(source.get());
  archive_read_support_format_zip(source.get());
  if (archive_read_open_filename(source.get(), path.c_str(), block_bytes) != ARCHIVE_OK) {
    const bool broken = archive_errno(source.get()) == EILSEQ;
    throw Error(broken ? Cause::bad_data : Cause::input,
                fmt::format("{}: cannot be read as an archive: {}", path, reason(source.get())));
  }
  const Writer disk(archive_write_disk_new());
  // The directory itself may lie behind a link (/tmp often does), so only what the archive brings is held against
  // links.
  const std::filesystem::path root = std::filesystem::canonical(directory);
  archive_write_disk_set_options(disk.get(), ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
                                                 ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT);
  for (;;) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(source.get(), &entry);
    if (result == ARCHIVE_EOF) return;
    if (result < ARCHIVE_WARN)
      throw Error(Cause::bad_data, fmt::format("{}: broken archive: {}", path, reason(source.get())));
    const std::string target = place(archive_entry_pathname(entry), root, path).string();
    archive_entry_set_pathname(entry, target.c_str());
    if (const char* link = archive_entry_hardlink(entry)) {
      archive_entry_set_hardlink(entry, place(link, root, path).c_str());
    }
    if (archive_write_header(disk.get(), entry) < ARCHIVE_WARN) fail_write(disk.get(), target);
    if (archive_entry_size_is_set(entry) == 0 || archive_entry_size(entry) > 0) {
      copy_content(source.get(), disk.get(), path, target);
    }
    if (archive_write_finish_entry(disk.get()) < ARCHIVE_WARN) fail_write(disk.get(), target);
  }
}

}  // namespace millrace::jobs::stream
