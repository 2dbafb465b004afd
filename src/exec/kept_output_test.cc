#include "exec/kept_output.h"

#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <random>

#include "exec/testing.h"
#include "storage/testing.h"

namespace millrace::exec {
namespace {

using storage::testing::read_file;
using storage::testing::write_file;
using testing::Process;

constexpr const char* path = "/tmp/kept";

void put(BlockWriter& writer, std::uint32_t partition, const std::string& text) {
  std::byte* at = writer.room(partition, Codec<std::string>::size(text));
  writer.wrote(partition, Codec<std::string>::encode(text, at));
}

/// Five partitions, the third without blocks.
std::vector<std::vector<std::string>> write_output(Process& process, std::uint64_t elements) {
  std::mt19937_64 random(elements);
  std::vector<std::vector<std::string>> expected(5);
  BlockWriter writer(process.blocks, 5, std::string(path));
  for (std::uint64_t i = 0; i < elements; ++i) {
    const auto partition = static_cast<std::uint32_t>(random() % 4);
    const std::uint32_t at = partition < 2 ? partition : partition + 1;
    std::string text(random() % 60, static_cast<char>('a' + random() % 26));
    put(writer, at, text);
    expected[at].push_back(std::move(text));
  }
  writer.finish();
  const auto output = writer.take();
  std::uint64_t bytes = 0;
  for (const auto& partition : expected) {
    for (const std::string& text : partition) bytes += Codec<std::string>::size(text);
  }
  EXPECT_EQ(output->bytes, bytes);
  EXPECT_EQ(output->records, elements);
  return expected;
}

std::vector<std::string> read(Process& process, std::vector<StoredBlock> blocks) {
  std::vector<std::string> out;
  std::uint64_t bytes = 0;
  StoredBlockStream stream([&](std::size_t size) { return process.memory.pages(size); }, std::move(blocks), &bytes);
  for (Block block; stream.next(block);) {
    Decoder in(block.bytes);
    while (!in.done()) out.push_back(in.get<std::string>());
  }
  return out;
}

TEST(KeptOutput, ComesBackAfterItsWriterHasGone) {
  for (const std::uint64_t elements : {0u, 1u, 100u, 200000u}) {
    Process process;
    const auto expected = write_output(process, elements);
    const KeptOutput file(process.files, path);
    ASSERT_EQ(file.partitions(), 5u);
    EXPECT_EQ(file.records(), elements);
    for (std::uint32_t i = 0; i < 5; ++i) EXPECT_EQ(read(process, file.blocks(i)), expected[i]) << i;
    EXPECT_EQ(process.memory.storage_used(), 0u) << "nothing of it counts as held in memory";
  }
}

TEST(KeptOutput, AFileThatIsNotThereIsALostInput) {
  Process process;
  storage::testing::expect_error(Cause::lost_input, {path}, [&] { KeptOutput(process.files, path); });
}

TEST(KeptOutput, APartitionThatItDoesNotHaveIsALostInput) {
  Process process;
  write_output(process, 10);
  const KeptOutput file(process.files, path);
  storage::testing::expect_error(Cause::lost_input, {path}, [&] { file.blocks(5); });
}

/// Every element of every partition; nothing when the file is found to be damaged.
std::optional<std::vector<std::vector<std::string>>> read_all(Process& process) try {
  const KeptOutput file(process.files, path);
  std::vector<std::vector<std::string>> out;
  for (std::uint32_t i = 0; i < file.partitions(); ++i) out.push_back(read(process, file.blocks(i)));
  return out;
} catch (const Error& error) {
  EXPECT_EQ(error.cause(), Cause::lost_input) << error.what();
  return std::nullopt;
}

TEST(KeptOutput, AFileThatIsCutAnywhereIsLost) {
  Process process;
  write_output(process, 40);
  const std::string whole = read_file(process.base_files, path);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_file(process.base_files, path, whole.substr(0, size));
    EXPECT_FALSE(read_all(process).has_value()) << size << " of " << whole.size() << " bytes";
  }
}

TEST(KeptOutput, AFlippedBitAnywhereIsNoticed) {
  Process process;
  const auto expected = write_output(process, 40);
  const std::string whole = read_file(process.base_files, path);
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    write_file(process.base_files, path, flipped);
    EXPECT_FALSE(read_all(process).has_value()) << "bit " << bit << " of " << 8 * whole.size();
  }
}

TEST(KeptOutput, TasksReadOnlyFilesWhereOutputsAreKept) {
  Process process;
  process.base_files.make_directories("/tmp/journal/outputs");
  const KeptOutputs kept("/tmp/journal");
  process.environment.kept = &kept;
  for (std::uint32_t map_task = 0; map_task < 3; ++map_task) {
    BlockWriter writer(process.blocks, 2, kept.map_output_path(ShuffleId{7}, map_task));
    put(writer, 1, "of task " + std::to_string(map_task));
    writer.finish();
  }
  const auto read_partition = [&](std::vector<std::string>& out) {
    plan::Stage stage;
    TaskSpec spec;
    const std::function<void(TaskContext&)> body = [&](TaskContext& task) {
      auto stream = task.open_shuffle(7, 1);
      for (Block block; stream->next(block);) {
        Decoder in(block.bytes);
        while (!in.done()) out.push_back(in.get<std::string>());
      }
    };
    stage = Process::stage_of(body);
    spec.stage = &stage;
    spec.map_tasks[ShuffleId{7}] = 3;
    return process.run(std::move(spec), body);
  };
  std::vector<std::string> found;
  EXPECT_TRUE(read_partition(found).succeeded);
  EXPECT_EQ(found, (std::vector<std::string>{"of task 0", "of task 1", "of task 2"}));

  process.base_files.remove_all(kept.map_output_path(ShuffleId{7}, 1));
  const TaskResult result = read_partition(found);
  EXPECT_EQ(result.cause, Cause::lost_input);
  ASSERT_EQ(result.lost.size(), 1u);
  EXPECT_EQ(result.lost.front().map_task, 1u);
}

}  // namespace
}  // namespace millrace::exec
