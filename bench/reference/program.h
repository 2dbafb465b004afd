#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

// What every reference program needs from the system: arguments, files, threads. Failures end the program with a
// message.
namespace reference {

[[noreturn]] inline void die(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

// PROGRAM [--threads N] [-o PATH] [-n N] [-F] OPERAND…
struct Arguments {
  std::vector<std::string> operands;
  std::string output;
  unsigned threads = 2;
  unsigned n = 3;
  bool fixed = false;

  Arguments(int argc, char** argv, std::size_t needed, const char* usage) {
    for (int i = 1; i < argc; ++i) {
      const std::string_view arg = argv[i];
      const bool more = i + 1 < argc;
      if (arg == "--threads" && more) {
        threads = static_cast<unsigned>(std::max(1, std::atoi(argv[++i])));
      } else if (arg == "-o" && more) {
        output = argv[++i];
      } else if (arg == "-n" && more) {
        n = static_cast<unsigned>(std::max(1, std::atoi(argv[++i])));
      } else if (arg == "-F") {
        fixed = true;
      } else {
        operands.emplace_back(arg);
      }
    }
    if (operands.size() != needed) {
      std::fprintf(stderr, "usage: %s [--threads N] [-o PATH] %s\n", argv[0], usage);
      std::exit(2);
    }
  }
};

template <typename Function>
void parallel(unsigned threads, Function function) {
  std::vector<std::thread> others;
  for (unsigned t = 1; t < threads; ++t) others.emplace_back([&function, t] { function(t); });
  function(0U);
  for (std::thread& other : others) other.join();
}

class InputFile {
 public:
  explicit InputFile(const std::string& path) : path_(path), fd_(open(path.c_str(), O_RDONLY)) {
    struct stat status {};
    if (fd_ < 0 || fstat(fd_, &status) != 0) die(path);
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile() { close(fd_); }

  std::uint64_t size() const { return size_; }

  // Reads exactly `size` bytes, less only at the end of the file; returns how many.
  std::uint64_t read(char* to, std::uint64_t size, std::uint64_t offset) const {
    std::uint64_t done = 0;
    while (done < size) {
      const ssize_t got = pread(fd_, to + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0) die(path_);
      if (got == 0) break;
      done += static_cast<std::uint64_t>(got);
    }
    return done;
  }

  // The whole file, mapped for the life of the process, with at least a page of zeros behind it that loads may run
  // into.
  std::string_view map() const {
    constexpr std::uint64_t kPage = 4096;
    const std::uint64_t room = (size_ + kPage - 1) / kPage * kPage + kPage;
    void* address = mmap(nullptr, room, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED) die(path_);
    if (size_ > 0 && mmap(address, size_, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd_, 0) == MAP_FAILED) die(path_);
    return {static_cast<const char*>(address), size_};
  }

 private:
  std::string path_;
  int fd_;
  std::uint64_t size_ = 0;
};

// Zeroed memory in huge pages, for the life of the process.
template <typename T>
T* allocate(std::size_t count) {
  constexpr std::size_t kHuge = 2 << 20;
  const std::size_t bytes = (count * sizeof(T) + kHuge - 1) / kHuge * kHuge + kHuge;
  void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) die("memory");
  const auto aligned = (reinterpret_cast<std::uintptr_t>(address) + kHuge - 1) / kHuge * kHuge;
  madvise(reinterpret_cast<void*>(aligned), bytes - kHuge, MADV_HUGEPAGE);
  return reinterpret_cast<T*>(aligned);
}

// The whole file in huge pages, for data that is read in random order; readable 4096 bytes beyond its end.
inline std::string_view load(const InputFile& file, unsigned threads) {
  char* memory = allocate<char>(file.size() + 4096);
  parallel(threads, [&](unsigned t) {
    const std::uint64_t begin = file.size() * t / threads;
    file.read(memory + begin, file.size() * (t + 1) / threads - begin, begin);
  });
  return {memory, file.size()};
}

// Gives back the whole huge pages inside memory from allocate().
inline void release(void* address, std::size_t bytes) { madvise(address, bytes, MADV_DONTNEED); }

// A new file, or standard output when the path is empty.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path) : path_(path.empty() ? "standard output" : path) {
    fd_ = path.empty() ? STDOUT_FILENO : open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0666);
    if (fd_ < 0) die(path_);
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile() {
    if (fd_ != STDOUT_FILENO && close(fd_) != 0) die(path_);
  }

  void write(const char* from, std::size_t size) {
    while (size > 0) {
      const ssize_t put = ::write(fd_, from, size);
      if (put < 0) die(path_);
      from += put;
      size -= static_cast<std::size_t>(put);
    }
  }

 private:
  std::string path_;
  int fd_;
};

// The output of one thread: part-00000, part-00001 … in a directory, so that threads do not share an inode's lock.
inline std::string part_path(const std::string& directory, unsigned part) {
  if (mkdir(directory.c_str(), 0777) != 0 && errno != EEXIST) die(directory);
  char name[16];
  std::snprintf(name, sizeof name, "/part-%05u", part);
  return directory + name;
}

// Lines are appended to a block; full blocks go to the file.
class Writer {
 public:
  explicit Writer(const std::string& path) : file_(path), block_(new char[kBlock + kSlack]) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    flush();
    delete[] block_;
  }

  void append(const char* text, std::size_t size) {
    if (size > kSlack) {
      flush();
      file_.write(text, size);
      return;
    }
    std::memcpy(block_ + used_, text, size);
    used_ += size;
    if (used_ >= kBlock) flush();
  }
  void append(std::string_view text) { append(text.data(), text.size()); }
  void append(char c) { append(&c, 1); }
  // Where up to 64 KiB may be written; then advance() by what was.
  char* at() { return block_ + used_; }
  void advance(std::size_t size) {
    used_ += size;
    if (used_ >= kBlock) flush();
  }
  void append_number(std::uint64_t number) {
    char digits[20];
    int i = 20;
    do {
      digits[--i] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    append(digits + i, static_cast<std::size_t>(20 - i));
  }
  void flush() {
    file_.write(block_, used_);
    used_ = 0;
  }

 private:
  static constexpr std::size_t kBlock = 256 << 10;
  static constexpr std::size_t kSlack = 64 << 10;

  OutputFile file_;
  char* block_;
  std::size_t used_ = 0;
};

// Ends the process without unmapping: tearing down gigabytes page by page is work nobody needs.
[[noreturn]] inline void finish() {
  std::fflush(nullptr);
  _exit(0);
}

}  // namespace reference
