#include "exec/input_mapping.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <unistd.h>

#include "storage/local_file_system.h"
#include "storage/testing.h"

namespace millrace::exec {
namespace {

using storage::testing::expect_error;

class InputMappingTest : public ::testing::Test {
 protected:
  std::string write(const std::string& name, std::string_view content) {
    const std::string path = directory.path() + "/" + name;
    storage::testing::write_file(storage::local_file_system(), path, content);
    return path;
  }
  /// A source of these files, each in two ranges.
  static plan::Source source_of(const std::vector<std::string>& paths) {
    plan::Source source;
    for (const std::string& path : paths) {
      const std::uint64_t size = std::filesystem::file_size(path);
      source.splits.push_back({{{path, 0, size / 2, false, {}}}, {}});
      source.splits.push_back({{{path, size / 2, size, false, {}}}, {}});
    }
    return source;
  }

  storage::testing::TemporaryDirectory directory;
};

TEST_F(InputMappingTest, FilesLieInTheOrderOfTheSplits) {
  const std::string page(4096, 'p');
  const std::string large(100000, 'l');
  plan::Source source = source_of({write("b", "two\nlines"), write("a", page), write("c", large), write("b2", "x")});
  const auto mapping = InputMapping::map(source);
  ASSERT_NE(mapping, nullptr);
  const std::vector<std::string> expected{"two\nlines", page, large, "x"};
  const char* last = nullptr;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::string_view content = source.splits[2 * i].ranges[0].mapped;
    EXPECT_EQ(content, expected[i]);
    EXPECT_EQ(content.data()[content.size()], '\n');
    EXPECT_EQ(source.splits[2 * i + 1].ranges[0].mapped.data(), content.data());
    EXPECT_GT(content.data(), last);
    last = content.data() + content.size();
  }
  EXPECT_NO_THROW(InputMapping::check());
}

TEST_F(InputMappingTest, TheSameFileTwiceLiesThereTwice) {
  const std::string path = write("a", "text");
  plan::Source source = source_of({path, path});
  const auto mapping = InputMapping::map(source);
  ASSERT_NE(mapping, nullptr);
  EXPECT_LT(source.splits[1].ranges[0].mapped.data(), source.splits[2].ranges[0].mapped.data());
}

TEST_F(InputMappingTest, WhatAReaderHasToSeeIsNotMapped) {
  plan::Source packed = source_of({write("a", "text"), write("packed", "\x1f\x8b\x08")});
  EXPECT_EQ(InputMapping::map(packed), nullptr);
  EXPECT_EQ(packed.splits[0].ranges[0].mapped.data(), nullptr);
  plan::Source cut = source_of({write("records", "12345")});
  cut.record_bytes = 2;
  EXPECT_EQ(InputMapping::map(cut), nullptr);
  plan::Source shorter = source_of({write("long", "12345")});
  write("long", "123");
  EXPECT_EQ(InputMapping::map(shorter), nullptr);
  plan::Source missing = source_of({write("gone", "1")});
  std::filesystem::remove(directory.path() + "/gone");
  EXPECT_EQ(InputMapping::map(missing), nullptr);
  EXPECT_EQ(InputMapping::map(*std::make_unique<plan::Source>()), nullptr);
}

TEST_F(InputMappingTest, AFileThatIsCutReadsAsZerosAndIsToldOf) {
  const std::string path = write("cut", std::string(3 * 4096, 'c'));
  plan::Source source = source_of({write("a", "text"), path});
  {
    const auto mapping = InputMapping::map(source);
    ASSERT_NE(mapping, nullptr);
    const std::string_view content = source.splits[2].ranges[0].mapped;
    EXPECT_EQ(content[0], 'c');
    ASSERT_EQ(::truncate(path.c_str(), 4096), 0);
    EXPECT_NO_THROW(InputMapping::check());
    EXPECT_EQ(content[5000], '\0');
    EXPECT_EQ(content[0], 'c');
    expect_error(Cause::input, {path + " at byte 5000", "12288 bytes"}, [] { InputMapping::check(); });
  }
  EXPECT_NO_THROW(InputMapping::check()) << "of mappings that are gone";
}

}  // namespace
}  // namespace millrace::exec
