#include "dataset/splits.h"

#include <gtest/gtest.h>
#include <string>

#include "storage/memory_file_system.h"

namespace millrace::dataset {
namespace {

constexpr std::uint64_t mebi = std::uint64_t{1} << 20;

class SplitsTest : public testing::Test {
 protected:
  SplitsTest() {
    const auto file = files_.create("/in");
    const std::string megabyte(mebi, 'x');
    for (int i = 0; i < 20; ++i) file->write(std::as_bytes(std::span(megabyte)));
    file->close();
    spec_.inputs = {"/in"};
  }
  std::size_t splits(std::uint64_t split_bytes = 0) {
    std::uint64_t total = 0;
    const std::size_t count = make_splits(files_, spec_, split_bytes, total).size();
    EXPECT_EQ(total, 20 * mebi);
    return count;
  }
  storage::MemoryFileSystem files_;
  internal::SourceSpec spec_;
};

TEST_F(SplitsTest, ChosenFromTheSizeOfTheInput) { EXPECT_EQ(splits(), 16u); }

TEST_F(SplitsTest, TheOptionDecides) {
  spec_.splits = 3;
  spec_.least_split_bytes = 8 * mebi;
  EXPECT_EQ(splits(mebi), 20u);
}

TEST_F(SplitsTest, AsManyAsTheSourceWants) {
  spec_.splits = 3;
  EXPECT_EQ(splits(), 3u);
  spec_.splits = 100;
  spec_.least_split_bytes = 1;
  EXPECT_EQ(splits(), 100u);
}

TEST_F(SplitsTest, NoSmallerThanTheSourceWants) {
  spec_.least_split_bytes = 8 * mebi;
  EXPECT_EQ(splits(), 3u);
}

}  // namespace
}  // namespace millrace::dataset
