#include "observe/growing_file.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <millrace/error.h>

namespace millrace::observe {
namespace {

constexpr std::size_t large = 64 << 10;

Error write_error(const std::string& what, const std::string& path, int number) {
  const bool full = number == ENOSPC || number == EDQUOT || number == EROFS;
  return Error(full ? Cause::out_of_disk : Cause::output,
               fmt::format("cannot write {} {}: {}", what, path, std::strerror(number)));
}

}  // namespace

void check_writable(const std::string& what, const std::string& path) {
  struct stat before {};
  const bool new_file = ::stat(path.c_str(), &before) != 0;
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) throw write_error(what, path, errno);
  ::close(file);
  if (new_file) ::unlink(path.c_str());
}

GrowingFile::GrowingFile(std::string what, std::string path)
    : what_(std::move(what)),
      path_(std::move(path)),
      file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  if (file_ < 0) throw write_error(what_, path_, errno);
}

GrowingFile::~GrowingFile() {
  flush();
  if (file_ >= 0) ::close(file_);
}

void GrowingFile::flush_if_large() noexcept {
  if (buffer_.size() >= large) flush();
}

void GrowingFile::flush() noexcept {
  std::string_view rest = buffer_;
  while (open() && !rest.empty()) {
    const ::ssize_t written = ::write(file_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      failure_ = errno;
    }
  }
  buffer_.clear();
}

void GrowingFile::close() {
  flush();
  if (file_ >= 0 && ::close(std::exchange(file_, -1)) != 0 && failure_ == 0) failure_ = errno;
  if (failure_ != 0) throw write_error(what_, path_, failure_);
}

}  // namespace millrace::observe
