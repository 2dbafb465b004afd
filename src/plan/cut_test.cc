#include <gtest/gtest.h>

#include "plan/job.h"
#include "plan/lineages.h"

namespace millrace::plan {
namespace {

using testing::Lineage;

Job cut_result(const NodePtr& node, std::vector<std::uint32_t> partitions = {}) {
  Result result;
  result.node = node;
  result.name = "count (job.cpp:99)";
  result.code = 5;
  result.closure = {std::byte{1}, std::byte{2}};
  result.partitions = std::move(partitions);
  result.output_directory = "out";
  result.part_suffix = ".csv";
  // A shuffle's stage has the shuffle's own number here.
  return cut(result, JobId{3}, StageId{100}, [](ShuffleId shuffle) { return StageId{shuffle.value}; });
}

std::vector<std::uint32_t> ids(const std::vector<Stage>& stages) {
  std::vector<std::uint32_t> out;
  for (const Stage& stage : stages) out.push_back(stage.id.value);
  return out;
}

TEST(Cut, NarrowOperationsAreOneStage) {
  Lineage lineage;
  const auto source = lineage.source(3);
  const auto mapped = lineage.narrow("map", {source}, 3);
  const auto filtered = lineage.narrow("filter", {mapped}, 3);
  const Job job = cut_result(filtered);
  EXPECT_EQ(job.id, JobId{3});
  EXPECT_EQ(job.name, "count (job.cpp:99)");
  ASSERT_EQ(job.stages.size(), 1u);
  const Stage& stage = job.stages[0];
  EXPECT_EQ(stage.id, StageId{100});
  EXPECT_EQ(stage.name, "read_text > map > filter > count");
  EXPECT_EQ(stage.partitions, (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_TRUE(stage.parents.empty());
  EXPECT_EQ(stage.code, 5u);
  EXPECT_EQ(stage.closure.size(), 2u);
  EXPECT_EQ(stage.sources.at(NodeId{0}).splits.size(), 3u);
  EXPECT_EQ(stage.operations.at(NodeId{1}), "map (job.cpp:11)");
  EXPECT_EQ(stage.input_bytes, 100u);
  EXPECT_FALSE(stage.output.has_value());
  EXPECT_EQ(stage.output_directory, "out");
  EXPECT_EQ(stage.part_suffix, ".csv");
}

TEST(Cut, AShuffleIsABoundary) {
  Lineage lineage;
  const auto source = lineage.source(4);
  const auto first = lineage.shuffle("reduce_by_key", lineage.narrow("map", {source}, 4), 2);
  const auto second = lineage.shuffle("sort", lineage.narrow("filter", {first}, 2), 3);
  const Job job = cut_result(second);
  ASSERT_EQ(ids(job.stages), (std::vector<std::uint32_t>{2, 4, 100})) << "parents come first";
  const Stage& map_side = job.stages[0];
  EXPECT_EQ(map_side.name, "read_text > map > reduce_by_key");
  EXPECT_EQ(map_side.code, 1002u);
  EXPECT_EQ(map_side.closure, (std::vector<std::byte>{std::byte{7}}));
  ASSERT_TRUE(map_side.output.has_value());
  EXPECT_EQ(map_side.output->shuffle, ShuffleId{2});
  EXPECT_EQ(map_side.output->partitions, 2u);
  EXPECT_EQ(map_side.partitions.size(), 4u);
  EXPECT_TRUE(map_side.output_directory.empty());
  const Stage& middle = job.stages[1];
  EXPECT_EQ(middle.name, "shuffle > filter > sort");
  EXPECT_EQ(middle.parents, (std::vector<StageId>{StageId{2}}));
  EXPECT_EQ(middle.reads, (std::vector<ShuffleId>{ShuffleId{2}}));
  EXPECT_EQ(middle.partitions.size(), 2u);
  EXPECT_EQ(middle.operations.at(NodeId{2}), "reduce_by_key (job.cpp:12)");
  const Stage& result = job.stages[2];
  EXPECT_EQ(result.name, "shuffle > count");
  EXPECT_EQ(result.parents, (std::vector<StageId>{StageId{4}}));
  EXPECT_EQ(result.partitions.size(), 3u);
}

TEST(Cut, AShuffleThatIsReadTwiceIsOneStage) {
  Lineage lineage;
  const auto shuffled = lineage.shuffle("repartition", lineage.source(2), 3);
  const auto both = lineage.narrow("join", {lineage.narrow("map", {shuffled}, 3), shuffled}, 3);
  const Job job = cut_result(both);
  ASSERT_EQ(ids(job.stages), (std::vector<std::uint32_t>{1, 100}));
  EXPECT_EQ(job.stages[1].reads, (std::vector<ShuffleId>{ShuffleId{1}}));
}

TEST(Cut, AJoinHasTwoParents) {
  Lineage lineage;
  const auto left = lineage.shuffle("join", lineage.source(2), 3);
  const auto right = lineage.shuffle("join", lineage.source(5), 3);
  const Job job = cut_result(lineage.narrow("join", {left, right}, 3));
  ASSERT_EQ(ids(job.stages), (std::vector<std::uint32_t>{1, 3, 100}));
  EXPECT_EQ(job.stages[2].parents, (std::vector<StageId>{StageId{1}, StageId{3}}));
  EXPECT_EQ(job.stages[1].partitions.size(), 5u);
}

TEST(Cut, SomePartitionsAndWhatIsCached) {
  Lineage lineage;
  const auto kept = lineage.cached(lineage.source(9), CacheLevel::disk);
  const Job job = cut_result(lineage.narrow("map", {kept}, 9), {4, 7});
  EXPECT_EQ(job.stages[0].partitions, (std::vector<std::uint32_t>{4, 7}));
  EXPECT_EQ(job.stages[0].cached, (std::map<NodeId, CacheLevel>{{NodeId{1}, CacheLevel::disk}}));
}

TEST(Explain, PrintsTheLineageWithItsBoundaries) {
  Lineage lineage;
  const auto source = lineage.source(4);
  const auto shuffled = lineage.shuffle("reduce_by_key", lineage.narrow("map", {source}, 4), 1);
  const auto both = lineage.narrow("union_with", {shuffled, source}, 5);
  const std::string text = explain(both, [](const Node& node) { return node.operation == "map" ? "  note" : ""; });
  EXPECT_EQ(text,
            "- union_with (job.cpp:13)  [5 partitions]\n"
            "  + reduce_by_key (job.cpp:12)  [1 partition]  stage boundary\n"
            "    - map (job.cpp:11)  [4 partitions]  note\n"
            "    - read_text (job.cpp:10)  [4 partitions]\n"
            "  - read_text (job.cpp:10)  [4 partitions]  (shown above)\n");
}

}  // namespace
}  // namespace millrace::plan
