#include <gtest/gtest.h>
#include <random>
#include <unistd.h>

#include <millrace/millrace.h>

#include "tests/workspace.h"

// Sorts that refer to lines and records where they lie, beside those that copy them.

namespace millrace::testing {
namespace {

class SortInMemory : public ::testing::Test {
 protected:
  SortInMemory() : seed(std::random_device{}()), random(seed) {}

  std::string random_lines(std::size_t lines, std::string_view end) {
    std::string text;
    for (std::size_t i = 0; i < lines; ++i) {
      if (i != 0) text += '\n';
      // An empty last line without its newline would be none.
      std::size_t size = random() % 12 + (i + 1 == lines ? 1 : 0);
      if (random() % 500 == 0) size = 65530 + random() % 10;
      for (; size != 0; --size) text += "ab"[random() % 2];
    }
    return text.append(end);
  }

  /// With references, with copies in files, and with runs of either.
  std::vector<Options> shapes() const {
    std::vector<Options> all{files.options(2), files.options(2), files.options(0), files.options(3, 4 << 20)};
    all[1].file_shuffle = true;
    all[2].split_bytes = 4096;
    for (Options& each : all) each.reducers = 3;
    return all;
  }

  const std::uint64_t seed;
  std::mt19937_64 random;
  Workspace files;
};

TEST_F(SortInMemory, LinesOfAnyLengthAsCopiesAreSorted) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  const std::vector<std::string> inputs{files.write("in/one", random_lines(3000, "")), files.write("in/empty", ""),
                                        files.write("in/two", random_lines(2000, "\n")),
                                        files.write("in/three", std::string(4096, 'x')), files.path("in/one")};
  for (const Options& options : shapes()) {
    Context context(options);
    std::vector<std::string> expected = context.read_text(inputs).collect();
    EXPECT_EQ(expected.size(), 8001u);
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(context.read_text(inputs).sort().collect(), expected);
    std::reverse(expected.begin(), expected.end());
    EXPECT_EQ(context.read_text(inputs).sort(descending, 7).collect(), expected);
  }
}

TEST_F(SortInMemory, EqualKeysStayInTheOrderOfTheInput) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::vector<std::string> inputs;
  for (const char* name : {"b", "a", "c"}) {  // named in this order, not the directory's
    std::string records;
    for (int i = 0; i < 4000; ++i) {
      std::string record = std::string(1, static_cast<char>('0' + random() % 5)) + name + std::to_string(i);
      record.resize(9, ' ');
      records += record;
    }
    inputs.push_back(files.write(name, records));
  }
  for (const Options& options : shapes()) {
    Context context(options);
    std::vector<std::string> expected = context.read_binary(inputs, 9).collect();
    std::stable_sort(expected.begin(), expected.end(),
                     [](const std::string& x, const std::string& y) { return x[0] < y[0]; });
    const auto sorted = context.read_binary(inputs, 9).sort_by([](std::string_view record) { return record[0]; });
    EXPECT_EQ(sorted.collect(), expected);
    EXPECT_EQ(sorted.collect(), expected) << "the shuffle is read again";
  }
}

TEST_F(SortInMemory, FilesThatAreCutMeanwhileFailTheJob) {
  std::string lines = "the first line\n";
  while (lines.size() < (8u << 20)) lines += "another line\n";
  const std::string path = files.write("in", lines);
  Context context(files.options());
  const auto cut = context.read_text(path).sort_by(
      [](std::string_view line) {
        if (line == "the first line" && ::truncate(std::string(input_path()).c_str(), 100) != 0) {
          throw std::runtime_error("cannot cut the input");
        }
        return line.size();
      },
      ascending, 1);
  expect_error(Cause::input, {path, "cut"}, [&] { cut.write_text(files.path("out")); });
  EXPECT_FALSE(std::filesystem::exists(files.path("out")));
}

TEST_F(SortInMemory, BrokenInputsAreReadInstead) {
  const std::string cut_record = files.write("records", "12345");
  Context context(files.options());
  expect_error(Cause::bad_data, {cut_record, "byte 4"},
               [&] { context.read_binary(std::vector{cut_record}, 4).sort().collect(); });
}

}  // namespace
}  // namespace millrace::testing
