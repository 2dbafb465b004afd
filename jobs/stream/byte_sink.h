#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace millrace::jobs::stream {

/// Takes what commands print, in pieces of any size.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual void write(std::string_view bytes) = 0;
  /// A command has ended: a last line without a newline is a line all the same.
  virtual void end() = 0;
};

/// Cuts bytes into lines; calls visit(line) without the newline.
class LineSplitter {
 public:
  template <class Visit>
  void add(std::string_view bytes, Visit&& visit) {
    if (!unfinished_.empty()) {
      const std::size_t newline = bytes.find('\n');
      unfinished_ += bytes.substr(0, newline);
      if (newline == std::string_view::npos) return;
      const std::string line = std::exchange(unfinished_, {});
      bytes.remove_prefix(newline + 1);
      visit(std::string_view(line));
    }
    for (std::size_t newline; (newline = bytes.find('\n')) != std::string_view::npos;
         bytes.remove_prefix(newline + 1)) {
      visit(bytes.substr(0, newline));
    }
    unfinished_ = bytes;
  }
  template <class Visit>
  void end(Visit&& visit) {
    if (unfinished_.empty()) return;
    const std::string line = std::exchange(unfinished_, {});
    visit(std::string_view(line));
  }

 private:
  std::string unfinished_;
};

}  // namespace millrace::jobs::stream
