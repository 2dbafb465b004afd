#include "cli/standard_output.h"

#include <cerrno>
#include <cstring>
#include <iostream>
#include <string>
#include <unistd.h>

#include <millrace/error.h>

namespace millrace::cli {

StandardOutput::StandardOutput() : buffer_(64 << 10), before_(std::cout.rdbuf(this)) {
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  std::cout.exceptions(std::ios::badbit);  // else a stream swallows what its buffer throws
  std::cerr.tie(nullptr);                  // a message about the failure must not meet it again
}

StandardOutput::~StandardOutput() {
  std::cout.exceptions(std::ios::goodbit);
  std::cout.rdbuf(before_);
}

void print(std::string_view text) { std::cout.write(text.data(), static_cast<std::streamsize>(text.size())); }

StandardOutput::int_type StandardOutput::overflow(int_type next) {
  sync();
  if (traits_type::eq_int_type(next, traits_type::eof())) return traits_type::not_eof(next);
  return sputc(traits_type::to_char_type(next));
}

std::streamsize StandardOutput::xsputn(const char* text, std::streamsize size) {
  if (size > epptr() - pptr()) sync();
  if (size > epptr() - pptr()) {
    write(text, static_cast<std::size_t>(size));
  } else {
    std::memcpy(pptr(), text, static_cast<std::size_t>(size));
    pbump(static_cast<int>(size));
  }
  return size;
}

int StandardOutput::sync() {
  const auto size = static_cast<std::size_t>(pptr() - pbase());
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  write(buffer_.data(), size);
  return 0;
}

void StandardOutput::write(const char* text, std::size_t size) {
  while (size != 0) {
    const ssize_t written = ::write(STDOUT_FILENO, text, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0)
      throw Error(Cause::output, std::string("cannot write to standard output: ") + std::strerror(errno));
    text += written;
    size -= static_cast<std::size_t>(written);
  }
}

}  // namespace millrace::cli
