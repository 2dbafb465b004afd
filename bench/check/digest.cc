// Tells whether two outputs say the same: bench_digest MODE PATH prints `lines N digest HEX sorted 0|1` for a file, or
// for the parts of a directory in the order of their names. What the digest takes in depends on the mode:
//   lines     every line, in any order
//   sequence  every line, in this order
//   lists     key<TAB>item,item,… lines, in any order, items in any order
//   uniq      uniq -c's count and word, as word<TAB>count, in any order
//   percent   key<TAB>count<TAB>percent lines, in any order; a percent that is not count's share to 0.01 is an error
//   ones      every line with a TAB and a 1 behind it, in any order: what counting distinct words must give
//   numbers   every number, rounded to six digits, in this order
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "bench_digest: %s\n", what.c_str());
  std::exit(1);
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ typedef unsigned __int128 Wide;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t state = text.size() ^ 0x9e3779b97f4a7c15ULL;
  while (!text.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min<std::size_t>(8, text.size());
    std::memcpy(&word, text.data(), size);
    state = mix(state ^ word, 0xd1b54a32d192ed03ULL) + 0x8bb84b93962eacc9ULL;
    text.remove_prefix(size);
  }
  return mix(state, 0x9e3779b97f4a7c15ULL);
}

class Digest {
 public:
  explicit Digest(std::string mode) : mode_(std::move(mode)) {
    if (mode_ != "lines" && mode_ != "sequence" && mode_ != "lists" && mode_ != "uniq" && mode_ != "percent" &&
        mode_ != "numbers" && mode_ != "ones") {
      fail("no mode " + mode_);
    }
  }

  void add(std::string_view line) {
    if (lines_++ > 0 && line < last_) sorted_ = false;
    last_ = line;
    if (mode_ == "lists") {
      add_list(line);
    } else if (mode_ == "uniq") {
      add_counted(line);
    } else if (mode_ == "percent") {
      add_percent(line);
    } else if (mode_ == "numbers") {
      add_number(line);
    } else if (mode_ == "ones") {
      sum_ += hash_of(std::string(line) + "\t1");
    } else if (mode_ == "sequence") {
      sum_ = mix(sum_ ^ hash_of(line), 0xd1b54a32d192ed03ULL) + lines_;
    } else {
      sum_ += hash_of(line);
    }
  }

  void print() {
    for (const auto& [count, percent] : shares_) {
      const double share = 100.0 * static_cast<double>(count) / static_cast<double>(total_);
      if (std::abs(share - percent) > 0.01) fail("a percent is wrong: " + std::to_string(percent));
    }
    std::printf("lines %llu digest %016llx sorted %d\n", static_cast<unsigned long long>(lines_),
                static_cast<unsigned long long>(sum_), sorted_ ? 1 : 0);
  }

 private:
  void add_list(std::string_view line) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) fail("no TAB in: " + std::string(line.substr(0, 80)));
    std::uint64_t items = 0;
    for (std::string_view rest = line.substr(tab + 1);;) {
      const std::size_t comma = rest.find(',');
      items += hash_of(rest.substr(0, comma));
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
    sum_ += mix(hash_of(line.substr(0, tab)) ^ 0x8bb84b93962eacc9ULL, items | 1);
  }

  void add_counted(std::string_view line) {
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) fail("no count in: " + std::string(line.substr(0, 80)));
    sum_ += hash_of(std::string(line.substr(space + 1)) + '\t' + std::string(line.substr(0, space)));
  }

  void add_percent(std::string_view line) {
    const std::size_t last = line.rfind('\t');
    const std::size_t middle = last == std::string_view::npos ? last : line.rfind('\t', last - 1);
    if (middle == std::string_view::npos) fail("not three fields: " + std::string(line.substr(0, 80)));
    const std::uint64_t count =
        std::strtoull(std::string(line.substr(middle + 1, last - middle - 1)).c_str(), nullptr, 10);
    shares_.emplace_back(count, std::strtod(std::string(line.substr(last + 1)).c_str(), nullptr));
    total_ += count;
    sum_ += hash_of(line.substr(0, last));
  }

  void add_number(std::string_view line) {
    char text[32];
    std::snprintf(text, sizeof text, "%.5e", std::strtod(std::string(line).c_str(), nullptr));
    sum_ = mix(sum_ ^ hash_of(text), 0xd1b54a32d192ed03ULL) + lines_;
  }

  std::string mode_;
  std::string last_;
  bool sorted_ = true;
  std::uint64_t lines_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t total_ = 0;
  std::vector<std::pair<std::uint64_t, double>> shares_;
};

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const std::string name = entry.path().filename();
    if (entry.is_regular_file() && name[0] != '_' && name[0] != '.') files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void read_lines(const std::filesystem::path& path, Digest& digest) {
  std::ifstream input(path, std::ios::binary);
  if (!input) fail("cannot read " + path.string());
  std::vector<char> buffer(1 << 20);
  std::string part;
  while (input.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), input.gcount() > 0) {
    std::string_view text(buffer.data(), static_cast<std::size_t>(input.gcount()));
    for (std::size_t stop; (stop = text.find('\n')) != std::string_view::npos; text.remove_prefix(stop + 1)) {
      if (part.empty()) {
        digest.add(text.substr(0, stop));
      } else {
        digest.add(part.append(text.substr(0, stop)));
        part.clear();
      }
    }
    part.append(text);
  }
  if (!part.empty()) digest.add(part);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) fail("usage: bench_digest MODE PATH");
  Digest digest(argv[1]);
  for (const auto& file : files_of(argv[2])) read_lines(file, digest);
  digest.print();
}
