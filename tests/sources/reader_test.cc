#include <gtest/gtest.h>

#include "storage/compression.h"
#include "storage/local_file_system.h"
#include "tests/sources/sources_case.h"

namespace millrace {
namespace {

using namespace testing;

/// Records between semicolons: a format that Millrace does not know, cut anywhere.
struct Semicolons {
  template <class Emit>
  void operator()(InputSplit& split, Emit& emit) const {
    std::uint64_t at = split.begin();
    if (at > 0) at = end_of_record(split, at - 1);  // the record that begins before the piece is not ours
    while (at < split.end()) {
      const std::uint64_t end = end_of_record(split, at);
      if (end == at) return;
      std::string_view record = split.read(at, end - at);
      split.at_record(at, record.size());
      if (record.ends_with(';')) record.remove_suffix(1);
      emit(record);
      at = end;
    }
  }
  static std::uint64_t end_of_record(InputSplit& split, std::uint64_t at) {
    for (;;) {
      const std::string_view some = split.read(at, 16);
      const std::size_t found = some.find(';');
      if (found != some.npos) return at + found + 1;
      at += some.size();
      if (some.size() < 16) return at;
    }
  }
};

class ReadWith : public SourcesCase {};

TEST_F(ReadWith, GivesEachRecordOnceForEverySplit) {
  std::string text;
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < 400; ++i) {
    expected.push_back(std::string(i % 37, 'a') + "\n" + std::to_string(i));
    text += expected.back() + (i == 399 ? "" : ";");
  }
  const std::string path = workspace.write("a.txt", text);
  ReaderOptions cut;
  cut.divisible = true;
  for (const std::uint64_t split : {1, 5, 100, 1000000}) {
    for (const unsigned threads : {0u, 1u, 2u, 7u}) {
      auto records = context(split, threads).read_with<std::string_view>(path, Semicolons{}, cut);
      EXPECT_EQ(records.partitions(), (text.size() + split - 1) / split);
      EXPECT_EQ(records.collect(), expected) << split;
    }
  }
  EXPECT_EQ(context(1).read_with<std::string_view>(path, Semicolons{}).partitions(), 1u);
  EXPECT_EQ(context(1).read_with<std::string_view>(path, Semicolons{}).collect(), expected);
}

TEST_F(ReadWith, ReadsCompressedFilesForward) {
  std::string text;
  for (int i = 0; i < 200000; ++i) text += std::to_string(i) + ";";
  const std::string path = workspace.path("a.zst");
  {
    auto& files = storage::local_file_system();
    auto file = storage::compress(files.create(path), storage::Compression::zstd);
    file->write(std::as_bytes(std::span(text)));
    file->close();
  }
  const auto records = context(1000).read_with<std::string_view>(path, Semicolons{});
  EXPECT_EQ(records.map([](std::string_view x) { return std::stoull(std::string(x)); }).sum(), 19999900000u);
  auto backwards = context().read_with<char>(path, [](InputSplit& split, auto& emit) {
    for (std::uint64_t at = 0; !split.read(at, 1000).empty(); at += 1000) {
    }
    for (char c : split.read(0, 1)) emit(c);
  });
  expect_error(Cause::usage, {path, "forward"}, [&] { backwards.collect(); });
}

TEST_F(ReadWith, FailuresNameTheRecordAndSkippingDropsIt) {
  const std::string path = workspace.write("a.txt", "1;2;x;4");
  const auto numbers = [&](std::uint64_t skips) {
    return context(0, 2, skips)
        .read_with<std::string_view>(path, Semicolons{})
        .map([](std::string_view x) { return std::stoi(std::string(x)); })
        .collect();
  };
  expect_error(Cause::user_code, {path, "byte 4", "map"}, [&] { numbers(0); });
  EXPECT_EQ(numbers(1), (std::vector<int>{1, 2, 4}));
}

TEST_F(ReadWith, AReaderMayThrow) {
  const std::string path = workspace.write("a.txt", "1");
  auto broken = context().read_with<int>(path, [](InputSplit&, auto&) { throw std::runtime_error("no such luck"); });
  expect_error(Cause::user_code, {"read_with", "no such luck", path}, [&] { broken.count(); });
}

}  // namespace
}  // namespace millrace
