#include "dataset/splits.h"

#include <gtest/gtest.h>

#include "storage/compression.h"
#include "storage/memory_file_system.h"
#include "storage/testing.h"

namespace millrace::dataset {
namespace {

using storage::testing::write_file;

constexpr std::uint64_t mebi = std::uint64_t{1} << 20;

class Splits : public ::testing::Test {
 protected:
  std::vector<plan::Split> cut(std::vector<std::string> inputs, std::uint64_t split_bytes = 0) {
    spec.inputs = std::move(inputs);
    return make_splits(files, spec, split_bytes, total);
  }
  plan::Source source(std::vector<std::string> inputs, std::uint64_t split_bytes = 0) {
    plan::Source out;
    out.splits = cut(std::move(inputs), split_bytes);
    out.record_bytes = spec.record_bytes;
    return out;
  }

  storage::MemoryFileSystem files;
  internal::SourceSpec spec;
  std::uint64_t total = 0;
};

// The ranges follow each other and cover each file once.
void expect_covered(const std::vector<plan::Split>& splits, const std::string& path, std::uint64_t size) {
  std::uint64_t at = 0;
  for (const plan::Split& split : splits) {
    for (const plan::FileRange& range : split.ranges) {
      if (range.path != path) continue;
      EXPECT_EQ(range.begin, at);
      EXPECT_GE(range.end, range.begin);
      at = range.end;
    }
  }
  EXPECT_EQ(at, size);
}

TEST_F(Splits, ALargeFileIsCut) {
  write_file(files, "/in", std::string(1000, 'x'));
  for (const std::uint64_t split : {1, 7, 100, 999, 1000, 5000}) {
    const auto splits = cut({"/in"}, split);
    EXPECT_EQ(splits.size(), (1000 + split - 1) / split);
    EXPECT_EQ(total, 1000u);
    expect_covered(splits, "/in", 1000);
  }
}

TEST_F(Splits, SmallFilesShareOne) {
  std::vector<std::string> names;
  for (int i = 0; i < 3000; ++i) {
    names.push_back("/d/" + std::to_string(i));
    files.make_directories("/d");
    write_file(files, names.back(), "abc");
  }
  const auto splits = cut(names);
  EXPECT_EQ(splits.size(), 3u) << "at most 1024 files each";
  std::size_t at = 0;
  for (const auto& split : splits) {
    for (const auto& range : split.ranges) EXPECT_EQ(range.path, names[at++]);
  }
  EXPECT_EQ(at, names.size());
}

TEST_F(Splits, EmptyFilesAreKeptWhereTheyAre) {
  write_file(files, "/a", "");
  write_file(files, "/b", "xyz");
  write_file(files, "/c", "");
  const auto splits = cut({"/a", "/b", "/c"}, 2);
  std::vector<std::string> order;
  for (const auto& split : splits) {
    for (const auto& range : split.ranges) order.push_back(range.path);
  }
  EXPECT_EQ(order, (std::vector<std::string>{"/a", "/b", "/b", "/c"}));
}

TEST_F(Splits, NoFilesAreNoSplits) {
  files.make_directories("/d");
  EXPECT_TRUE(cut({"/d"}).empty());
  EXPECT_TRUE(sample_windows(files, source({"/d"})).empty());
}

TEST_F(Splits, WhatIsChosenDependsOnTheSizeAlone) {
  write_file(files, "/in", std::string(40 * mebi, 'x'));
  const auto splits = cut({"/in"});
  EXPECT_EQ(splits.size(), 16u);
  expect_covered(splits, "/in", 40 * mebi);
}

TEST_F(Splits, TheOptionDecides) {
  write_file(files, "/in", std::string(20 * mebi, 'x'));
  spec.splits = 3;
  spec.least_split_bytes = 8 * mebi;
  EXPECT_EQ(cut({"/in"}, mebi).size(), 20u);
}

TEST_F(Splits, AsManyAsTheSourceWants) {
  write_file(files, "/in", std::string(20 * mebi, 'x'));
  spec.splits = 3;
  EXPECT_EQ(cut({"/in"}).size(), 3u);
  spec.splits = 100;
  spec.least_split_bytes = 1;
  EXPECT_EQ(cut({"/in"}).size(), 100u);
}

TEST_F(Splits, NoSmallerThanTheSourceWants) {
  write_file(files, "/in", std::string(20 * mebi, 'x'));
  spec.least_split_bytes = 8 * mebi;
  EXPECT_EQ(cut({"/in"}).size(), 3u);
}

TEST_F(Splits, RecordsAreCutBetweenRecords) {
  write_file(files, "/in", std::string(1000, 'x'));
  spec.format = internal::SourceFormat::records;
  spec.record_bytes = 100;
  const auto splits = cut({"/in"}, 250);
  EXPECT_EQ(splits.size(), 5u);
  for (const auto& split : splits) EXPECT_EQ(split.ranges.front().begin % 100, 0u);
  EXPECT_EQ(cut({"/in"}, 1).size(), 10u) << "never less than one record";
}

TEST_F(Splits, WholeFilesAreNeverCut) {
  write_file(files, "/in", std::string(1000, 'x'));
  spec.format = internal::SourceFormat::whole_files;
  ASSERT_EQ(cut({"/in"}, 10).size(), 1u);
  EXPECT_TRUE(cut({"/in"}, 10)[0].ranges[0].whole);
}

TEST_F(Splits, CompressedFilesAreNeverCut) {
  auto file = storage::compress(files.create("/in"), storage::Compression::gzip);
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i * i);
  file->write(storage::testing::bytes_of(text));
  file->close();
  ASSERT_EQ(cut({"/in"}, 10).size(), 1u);
  EXPECT_TRUE(cut({"/in"}, 10)[0].ranges[0].whole);
}

std::vector<std::tuple<std::string, std::uint64_t, std::uint64_t>> places(const std::vector<plan::Split>& splits) {
  std::vector<std::tuple<std::string, std::uint64_t, std::uint64_t>> out;
  for (const auto& split : splits) {
    for (const auto& range : split.ranges) out.emplace_back(range.path, range.begin, range.end);
  }
  return out;
}

TEST_F(Splits, ASmallInputIsSampledWhole) {
  write_file(files, "/in", std::string(mebi, 'x'));
  const auto all = source({"/in"}, 1000);
  EXPECT_EQ(places(sample_windows(files, all)), places(all.splits));
}

TEST_F(Splits, WindowsDependOnTheFilesAlone) {
  write_file(files, "/a", std::string(5 * mebi, 'x'));
  write_file(files, "/b", std::string(100, 'x'));
  write_file(files, "/c", std::string(7 * mebi, 'x'));
  const auto windows = places(sample_windows(files, source({"/a", "/b", "/c"}, mebi)));
  EXPECT_EQ(windows.size(), 64u);
  std::uint64_t bytes = 0;
  for (const auto& [path, begin, end] : windows) bytes += end - begin;
  EXPECT_GT(bytes, 3 * mebi);
  EXPECT_LE(bytes, 4 * mebi);
  for (const std::uint64_t split : {std::uint64_t{12345}, 3 * mebi, 100 * mebi}) {
    EXPECT_EQ(places(sample_windows(files, source({"/a", "/b", "/c"}, split))), windows) << split;
  }
}

TEST_F(Splits, WindowsOfRecordsBeginWithARecord) {
  write_file(files, "/in", std::string(70 * 100000, 'x'));
  spec.format = internal::SourceFormat::records;
  spec.record_bytes = 70;
  for (const auto& [path, begin, end] : places(sample_windows(files, source({"/in"})))) EXPECT_EQ(begin % 70, 0u);
}

TEST_F(Splits, CompressedFilesAreSampledWholeAndOnce) {
  auto file = storage::compress(files.create("/in.gz"), storage::Compression::gzip, 1);
  std::string text;
  for (std::uint64_t i = 0; text.size() < 20 * mebi; ++i) text += std::to_string(i * 0x9e3779b97f4a7c15);
  file->write(storage::testing::bytes_of(text));
  file->close();
  write_file(files, "/plain", std::string(8 * mebi, 'x'));
  for (const std::uint64_t split : {mebi, 100 * mebi}) {
    const auto windows = sample_windows(files, source({"/in.gz", "/plain"}, split));
    ASSERT_GT(windows.size(), 2u);
    EXPECT_TRUE(windows[0].ranges[0].whole);
    EXPECT_EQ(windows[0].ranges[0].path, "/in.gz");
    for (std::size_t i = 1; i < windows.size(); ++i) EXPECT_EQ(windows[i].ranges[0].path, "/plain");
  }
}

}  // namespace
}  // namespace millrace::dataset
