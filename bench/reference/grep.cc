// Prints the lines of INPUT that match PATTERN, in order: a regular expression (Hyperscan's syntax), or with -F a
// literal.
//
// Threads claim blocks of whole lines and print them in order. A literal is found by comparing its two least common
// bytes at 64 places at once; a regular expression is scanned by Hyperscan over the whole block, and a match is widened
// to its line. Where an expression might match a line's end, the line is scanned again by itself.
#include <hs/hs.h>
#include <mutex>

#include "lines.h"

namespace {

using namespace reference;

// Receives the lines found in a block, and leaves out a line that it has just got.
class Lines {
 public:
  Lines(const char* begin, const char* end) : begin_(begin), end_(end) {}

  // The end of the line around `at`, which is appended.
  const char* add(const char* at) {
    const auto* before = static_cast<const char*>(memrchr(begin_, '\n', static_cast<std::size_t>(at - begin_)));
    const char* line = before == nullptr ? begin_ : before + 1;
    line_end_ = find(at, end_, '\n');
    text_.append(line, line_end_);
    text_ += '\n';
    return line_end_;
  }

  const char* last_end() const { return line_end_; }
  std::string take() { return std::move(text_); }

 private:
  const char* begin_;
  const char* end_;
  const char* line_end_ = nullptr;
  std::string text_;
};

// How common a byte is in text, roughly: letters by their frequency in English, then what is left.
int commonness(char c) {
  static constexpr std::string_view kOrder = " etaonisrhldcumfgpywb,.v-k_'\"()TSAIMCPDRBEHFL0x1";
  const std::size_t rank = kOrder.find(c);
  return rank == std::string_view::npos ? 0 : static_cast<int>(kOrder.size() - rank);
}

class Literal {
 public:
  explicit Literal(std::string_view text) : text_(text) {
    for (std::size_t i = 1; i < text.size(); ++i) {
      if (commonness(text[i]) < commonness(text[first_])) first_ = i;
    }
    second_ = first_ == 0 ? text.size() - 1 : 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (i != first_ && commonness(text[i]) < commonness(text[second_])) second_ = i;
    }
  }

  void search(const char* begin, const char* end, Lines& lines) const {
    const __m512i first = _mm512_set1_epi8(text_[first_]);
    const __m512i second = _mm512_set1_epi8(text_[second_]);
    const char* last = end - text_.size();
    for (const char* at = begin; at <= last;) {
      std::uint64_t places = _mm512_mask_cmpeq_epi8_mask(_mm512_cmpeq_epi8_mask(_mm512_loadu_si512(at + first_), first),
                                                         _mm512_loadu_si512(at + second_), second);
      const char* next = at + 64;
      for (; places != 0; places &= places - 1) {
        const char* place = at + __builtin_ctzll(places);
        if (place <= last && std::memcmp(place, text_.data(), text_.size()) == 0) {
          next = lines.add(place) + 1;
          break;
        }
      }
      at = next;
    }
  }

 private:
  std::string_view text_;
  std::size_t first_ = 0;
  std::size_t second_ = 0;
};

class Expression {
 public:
  explicit Expression(const std::string& pattern) {
    hs_compile_error_t* error = nullptr;
    if (hs_compile(pattern.c_str(), HS_FLAG_MULTILINE, HS_MODE_BLOCK, nullptr, &database_, &error) != HS_SUCCESS) {
      std::fprintf(stderr, "%s: %s\n", pattern.c_str(), error->message);
      std::exit(2);
    }
    // What may stand for the end of a line.
    for (const char* part : {"[^", "\\s", "\\S", "\\W", "\\D", "\\n", "\\x", "(?", "[["}) {
      crosses_lines_ = crosses_lines_ || pattern.find(part) != std::string::npos;
    }
  }

  hs_scratch_t* scratch() const {
    hs_scratch_t* scratch = nullptr;
    if (hs_alloc_scratch(database_, &scratch) != HS_SUCCESS) die("scratch");
    return scratch;
  }

  void search(const char* begin, const char* end, Lines& lines, hs_scratch_t* scratch) const {
    struct Scan {
      const char* begin;
      const char* end;
      Lines& lines;
      std::vector<const char*> places;
      bool collect;
    } scan{begin, end, lines, {}, crosses_lines_};
    const auto on_match = [](unsigned, unsigned long long, unsigned long long to, unsigned, void* context) {
      auto& state = *static_cast<Scan*>(context);
      // The last byte of the match; an empty match belongs to the line it stands before.
      const char* at = state.begin + (to > 0 ? to - 1 : 0);
      if (state.collect) {
        state.places.push_back(at);
      } else if (state.lines.last_end() == nullptr || at > state.lines.last_end()) {
        if (at < state.end) state.lines.add(at);
      }
      return 0;
    };
    hs_scan(database_, begin, static_cast<unsigned>(end - begin), 0, scratch, on_match, &scan);
    for (const char* at : scan.places) {
      if ((lines.last_end() != nullptr && at <= lines.last_end()) || at >= end) continue;
      const auto* before = static_cast<const char*>(memrchr(begin, '\n', static_cast<std::size_t>(at - begin)));
      const char* line = before == nullptr ? begin : before + 1;
      const char* line_end = find(at, end, '\n');
      bool matches = false;
      const auto note = [](unsigned, unsigned long long, unsigned long long, unsigned, void* context) {
        *static_cast<bool*>(context) = true;
        return 1;
      };
      hs_scan(database_, line, static_cast<unsigned>(line_end - line), 0, scratch, note, &matches);
      if (matches) lines.add(at);
    }
  }

 private:
  hs_database_t* database_ = nullptr;
  bool crosses_lines_ = false;
};

// Writes blocks in their order, whatever the order in which they come.
class OrderedOutput {
 public:
  OrderedOutput(const std::string& path, std::size_t blocks) : file_(path), waiting_(blocks), ready_(blocks) {}

  void put(std::size_t block, std::string text) {
    const std::lock_guard lock(mutex_);
    waiting_[block] = std::move(text);
    ready_[block] = true;
    while (next_ < ready_.size() && ready_[next_]) {
      pending_ += waiting_[next_];
      waiting_[next_++] = {};
      if (pending_.size() >= kPending) write();
    }
    if (next_ == ready_.size()) write();
  }

 private:
  static constexpr std::size_t kPending = 64 << 10;

  void write() {
    file_.write(pending_.data(), pending_.size());
    pending_.clear();
  }

  std::mutex mutex_;
  OutputFile file_;
  std::vector<std::string> waiting_;
  std::vector<bool> ready_;
  std::size_t next_ = 0;
  std::string pending_;
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, 2, "[-F] PATTERN INPUT");
  const InputFile input(arguments.operands[1]);
  const std::string& pattern = arguments.operands[0];
  const std::size_t blocks = (input.size() + BlockReader::kBlock - 1) / BlockReader::kBlock;
  OrderedOutput output(arguments.output, blocks);
  std::atomic<std::size_t> next{0};
  const auto search_all = [&](auto search) {
    BlockReader reader(input);
    for (std::size_t block; (block = next++) < blocks;) {
      const std::string_view text = reader.read(block * BlockReader::kBlock);
      Lines lines(text.data(), text.data() + text.size());
      search(text.data(), text.data() + text.size(), lines);
      output.put(block, lines.take());
    }
  };
  if (arguments.fixed && !pattern.empty()) {
    const Literal literal(pattern);
    parallel(arguments.threads, [&](unsigned) {
      search_all([&](const char* begin, const char* end, Lines& lines) { literal.search(begin, end, lines); });
    });
  } else {
    const Expression expression(pattern);
    parallel(arguments.threads, [&](unsigned) {
      hs_scratch_t* scratch = expression.scratch();
      search_all(
          [&](const char* begin, const char* end, Lines& lines) { expression.search(begin, end, lines, scratch); });
    });
  }
  finish();
}
