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

TEST_F(InputMappingTest, OtherProcessesFindItAtTheSameAddress) {
  plan::Source source = source_of({write("a", "text"), write("b", std::string(5000, 'b'))});
  auto mapping = InputMapping::map(source, InputMapping::For::machine);
  if (mapping == nullptr) GTEST_SKIP() << "the sanitizer has the addresses for itself";
  ASSERT_NE(source.area.address, 0u);
  plan::Stage stage;
  stage.sources[NodeId{1}] = source;
  stage.refers_to = {source.area};
  plan::Stage other = plan::decode_stage(plan::encode_stage(stage));
  EXPECT_EQ(other.sources[NodeId{1}].splits[2].ranges[0].mapped.data(), nullptr);
  {
    const auto attached = InputMapping::attach(other);
    ASSERT_EQ(attached.size(), 2u);
    EXPECT_EQ(attached[0], mapping) << "it lies there already";
  }
  const auto* const before = source.splits[2].ranges[0].mapped.data();
  mapping.reset();
  const auto attached = InputMapping::attach(other);  // as another process does
  const std::string_view content = other.sources[NodeId{1}].splits[2].ranges[0].mapped;
  EXPECT_EQ(content.data(), before);
  EXPECT_EQ(content, std::string(5000, 'b'));
}

TEST_F(InputMappingTest, AnAreaThatIsNotWhatItWasIsRefused) {
  const std::string path = write("a", "text");
  plan::Source source = source_of({path});
  auto mapping = InputMapping::map(source, InputMapping::For::machine);
  if (mapping == nullptr) GTEST_SKIP() << "the sanitizer has the addresses for itself";
  mapping.reset();
  write("a", "longer text");
  expect_error(Cause::input, {path, "it had 4 bytes, and has 11"}, [&] { InputMapping::at(source.area); });
  plan::Source elsewhere = source_of({write("b", "text")});
  mapping = InputMapping::map(elsewhere);
  elsewhere.area = {reinterpret_cast<std::uintptr_t>(&elsewhere) / 4096 * 4096, {{path, 11}}};
  expect_error(Cause::input, {"cannot map"}, [&] { InputMapping::at(elsewhere.area); });
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
