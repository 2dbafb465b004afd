#include <gtest/gtest.h>
#include <random>

#include <millrace/error.h>

#include "plan/job.h"

namespace millrace::plan {
namespace {

Stage full_stage() {
  Stage stage;
  stage.id = StageId{7};
  stage.name = "read_text > map";
  stage.partitions = {0, 5, 9};
  stage.parents = {StageId{1}, StageId{2}};
  stage.code = 0x123456789a;
  stage.closure = {std::byte{1}, std::byte{0}, std::byte{255}};
  Source source;
  source.kind = SourceKind::csv;
  source.record_bytes = 100;
  source.element_type = "(text,i64)";
  source.quote = '\'';
  source.header = true;
  source.splits.push_back({{{"a/b", 0, 10, true}, {"c", 5, std::uint64_t{1} << 40, false}}, {}});
  source.splits.push_back({{}, {std::byte{9}}});
  source.area = {std::uint64_t{1} << 45, {{"a/b", 10}, {"c", 7}}};
  stage.sources[NodeId{3}] = source;
  stage.sources[NodeId{4}] = {};
  stage.cached[NodeId{8}] = CacheLevel::memory_and_disk;
  stage.operations[NodeId{3}] = "read_csv (job.cpp:1)";
  stage.operations[NodeId{5}] = "";
  stage.reads = {ShuffleId{6}};
  stage.refers_to = {{std::uint64_t{1} << 46, {{"d", 11}}}};
  stage.output = ShuffleOutput{ShuffleId{9}, 16};
  stage.output_directory = "out";
  stage.part_suffix = ".csv";
  stage.input_bytes = 12345;
  stage.result_limit = ResultLimit{1 << 20, "collect (job.cpp:2)"};
  return stage;
}

TEST(Wire, AStageComesBackAsItWas) {
  const Stage stage = full_stage();
  const std::vector<std::byte> bytes = encode_stage(stage);
  const Stage back = decode_stage(bytes);
  EXPECT_EQ(back.id, stage.id);
  EXPECT_EQ(back.name, stage.name);
  EXPECT_EQ(back.partitions, stage.partitions);
  EXPECT_EQ(back.parents, stage.parents);
  EXPECT_EQ(back.code, stage.code);
  EXPECT_EQ(back.closure, stage.closure);
  EXPECT_EQ(back.cached, stage.cached);
  EXPECT_EQ(back.operations, stage.operations);
  EXPECT_EQ(back.reads, stage.reads);
  ASSERT_EQ(back.refers_to.size(), 1u);
  EXPECT_EQ(back.refers_to[0].address, std::uint64_t{1} << 46);
  ASSERT_EQ(back.refers_to[0].files.size(), 1u);
  EXPECT_EQ(back.refers_to[0].files[0].path, "d");
  EXPECT_EQ(back.refers_to[0].files[0].bytes, 11u);
  ASSERT_TRUE(back.output.has_value());
  EXPECT_EQ(back.output->shuffle, stage.output->shuffle);
  EXPECT_EQ(back.output->partitions, stage.output->partitions);
  EXPECT_EQ(back.output_directory, stage.output_directory);
  EXPECT_EQ(back.part_suffix, stage.part_suffix);
  EXPECT_EQ(back.input_bytes, stage.input_bytes);
  ASSERT_TRUE(back.result_limit.has_value());
  EXPECT_EQ(back.result_limit->bytes, stage.result_limit->bytes);
  EXPECT_EQ(back.result_limit->action, stage.result_limit->action);
  ASSERT_EQ(back.sources.size(), 2u);
  const Source& source = back.sources.at(NodeId{3});
  EXPECT_EQ(source.kind, SourceKind::csv);
  EXPECT_EQ(source.record_bytes, 100u);
  EXPECT_EQ(source.element_type, "(text,i64)");
  EXPECT_EQ(source.quote, '\'');
  EXPECT_TRUE(source.header);
  ASSERT_EQ(source.splits.size(), 2u);
  ASSERT_EQ(source.splits[0].ranges.size(), 2u);
  EXPECT_EQ(source.splits[0].ranges[0].path, "a/b");
  EXPECT_TRUE(source.splits[0].ranges[0].whole);
  EXPECT_EQ(source.splits[0].ranges[1].begin, 5u);
  EXPECT_EQ(source.splits[0].ranges[1].end, std::uint64_t{1} << 40);
  EXPECT_FALSE(source.splits[0].ranges[1].whole);
  EXPECT_EQ(source.area.address, std::uint64_t{1} << 45);
  ASSERT_EQ(source.area.files.size(), 2u);
  EXPECT_EQ(source.area.files[1].path, "c");
  EXPECT_EQ(source.area.files[1].bytes, 7u);
  EXPECT_EQ(source.splits[1].payload, (std::vector<std::byte>{std::byte{9}}));
  EXPECT_EQ(encode_stage(back), bytes);
}

TEST(Wire, AnEmptyStage) {
  const std::vector<std::byte> bytes = encode_stage({});
  EXPECT_EQ(encode_stage(decode_stage(bytes)), bytes);
  EXPECT_FALSE(decode_stage(bytes).output.has_value());
}

void expect_refused(std::span<const std::byte> bytes) {
  try {
    decode_stage(bytes);
    FAIL() << bytes.size() << " bytes were taken for a stage";
  } catch (const Error& error) {
    EXPECT_EQ(error.cause(), Cause::bad_data) << error.what();
  }
}

TEST(Wire, CutBytesAreRefusedWhereverTheyAreCut) {
  const std::vector<std::byte> bytes = encode_stage(full_stage());
  for (std::size_t n = 0; n < bytes.size(); ++n) expect_refused(std::span(bytes).first(n));
  auto longer = bytes;
  longer.push_back(std::byte{0});
  expect_refused(longer);
}

TEST(Wire, ChangedBytesAreRefusedOrAnotherStage) {
  constexpr unsigned seed = 20240607;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const std::vector<std::byte> bytes = encode_stage(full_stage());
  for (int i = 0; i < 20000; ++i) {
    auto changed = bytes;
    for (std::uint64_t n = random() % 4 + 1; n != 0; --n) {
      changed[random() % changed.size()] = static_cast<std::byte>(random() % 3 == 0 ? 255 : random());
    }
    try {
      decode_stage(changed);
    } catch (const Error& error) {
      EXPECT_EQ(error.cause(), Cause::bad_data) << error.what();
    }
  }
}

}  // namespace
}  // namespace millrace::plan
