#include "jobs/grep/grep.h"
#include "jobs/sort/sort.h"
#include "jobs/wordcount/wordcount.h"
#include "tests/properties/property.h"

// Inputs of unusual shape, each once and large.

namespace millrace::properties {
namespace {

using testing::Workspace;

TEST(SpecialInputs, ALineOfAHundredMegabytes) {
  constexpr std::uint64_t repeats = 10'000'000;
  const Workspace workspace;
  std::string text = "before it\n";
  for (std::uint64_t i = 0; i < repeats; ++i) text += "ten bytes ";
  text += "z\nafter it";
  const auto input = workspace.write("in", text);
  Options options = workspace.options(2, std::uint64_t{512} << 20);
  options.split_bytes = std::uint64_t{16} << 20;
  Context context(options);

  EXPECT_EQ(jobs::count_words(context, {input}).sort_by_key().collect(),
            (std::vector<std::pair<std::string, std::uint64_t>>{
                {"after", 1}, {"before", 1}, {"bytes", repeats}, {"it", 2}, {"ten", repeats}, {"z", 1}}));
  jobs::Pattern pattern;
  pattern.text = "bytes z$";
  EXPECT_EQ(jobs::matches_per_file(context, pattern, {input}).collect(),
            (std::vector<std::pair<std::string, std::uint64_t>>{{input, 1}}));
  std::vector<std::size_t> sizes;
  jobs::sort_lines(context, {input}, {}, false).for_each_in_order([&](std::string_view line) {
    sizes.push_back(line.size());
  });
  EXPECT_EQ(sizes, (std::vector<std::size_t>{8, 9, 10 * repeats + 1}));
}

// A hundred thousand of them, ten to a word, one in a hundred empty.
TEST(SpecialInputs, AHundredThousandTinyFiles) {
  constexpr unsigned files = 100'000;
  const Workspace workspace;
  std::filesystem::create_directory(workspace.path("in"));
  for (unsigned i = 0; i < files; ++i) {
    std::ofstream file(workspace.path("in/" + std::to_string(i)), std::ios::binary);
    if (i % 100 != 0) file << "word" << i / 10;
  }
  Context context(workspace.options(2, std::uint64_t{64} << 20));
  const auto counts = jobs::count_words(context, {workspace.path("in")});
  EXPECT_EQ(counts.count(), files / 10);
  EXPECT_EQ(counts.values().sum(), files - files / 100);
  EXPECT_EQ(counts.top(1, by_value).at(0).second, 10u);
}

}  // namespace
}  // namespace millrace::properties
