#include <functional>
#include <gtest/gtest.h>
#include <random>

#include "tests/workspace.h"

// Every form of MapReduce against a model that does the same with std::map in a few lines, in bytes of its output.

namespace millrace {
namespace {

using namespace testing;

struct Line {
  std::string key;
  std::uint64_t value;
};

constexpr std::uint32_t reducers = 3;
using Parts = std::map<std::string, std::string>;

std::uint32_t hash_part(std::string_view key) { return internal::partition_of(internal::hash_bytes(key), reducers); }

std::string part_name(std::uint32_t part) { return "part-0000" + std::to_string(part); }

/// What a job writes: for each partition its groups in the order of their keys, values as they came.
Parts model(const std::vector<Line>& lines, const std::function<std::uint32_t(const std::string&)>& partition,
            const std::function<std::string(const std::string&, std::vector<std::uint64_t>)>& reduce) {
  std::vector<std::map<std::string, std::vector<std::uint64_t>>> groups(reducers);
  for (const Line& line : lines) groups[partition(line.key)][line.key].push_back(line.value);
  Parts parts;
  for (std::uint32_t part = 0; part < reducers; ++part) {
    std::string& text = parts[part_name(part)];
    for (const auto& [key, values] : groups[part]) text += reduce(key, values);
  }
  return parts;
}

std::string listed(const std::string& key, const std::vector<std::uint64_t>& values) {
  std::string text = key;
  for (const std::uint64_t value : values) text += "," + std::to_string(value);
  return text + "\n";
}

std::string summed(const std::string& key, const std::vector<std::uint64_t>& values) {
  std::uint64_t sum = 0;
  for (const std::uint64_t value : values) sum += value;
  return key + "\t" + std::to_string(sum) + "\n";
}

/// Lines "key value" with skewed keys: one is common, some are long, many are rare.
std::vector<Line> make_lines(std::uint64_t seed, std::size_t count) {
  std::mt19937_64 random(seed);
  std::vector<Line> lines;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t kind = random() % 10;
    std::string key = "common";
    if (kind > 3) key = "k" + std::to_string(random() % 500);
    if (kind > 8) key += std::string(random() % 40, static_cast<char>('a' + random() % 3));
    lines.push_back({key, random() % 100});
  }
  return lines;
}

struct ParseLine {
  template <class Emit>
  void operator()(std::string_view line, Emit& emit) const {
    emit(field(line, 0, ' '), std::stoull(std::string(field(line, 1, ' '))));
  }
};

struct ListValues {
  template <class Key, class Values, class Emit>
  void operator()(const Key& key, Values& values, Emit& emit) const {
    std::string text(key);
    for (std::uint64_t value : values) text += "," + std::to_string(value);
    emit(text);
  }
};

struct AddUp {
  template <class Values, class Emit>
  void operator()(std::string_view key, Values& values, Emit& emit) const {
    std::uint64_t sum = 0;
    for (std::uint64_t value : values) sum += value;
    emit(key, sum);
  }
};

class Model : public ::testing::Test {
 protected:
  Model() {
    std::string text;
    for (const Line& line : lines) text += line.key + " " + std::to_string(line.value) + "\n";
    input = workspace.write("in.txt", text);
  }

  /// Runs the job in every shape: `write` makes and runs it.
  template <class Write>
  void expect_model(const Parts& expected, Write write) {
    struct Shape {
      std::uint64_t memory;
      std::uint64_t split;
      bool file_shuffle;
    };
    const std::uint64_t mebi = std::uint64_t{1} << 20;
    for (const unsigned threads : {0u, 1u, 2u, 7u}) {
      for (const Shape shape : {Shape{256 * mebi, 0, false}, Shape{mebi, 5000, false}, Shape{2 * mebi, 60000, true}}) {
        Options options = workspace.options(threads, shape.memory);
        options.split_bytes = shape.split;
        options.file_shuffle = shape.file_shuffle;
        options.overwrite = true;
        const Context context(options);
        write(map_reduce<std::string_view, std::uint64_t>(context.read_text(input)).map(ParseLine{}).reducers(reducers),
              workspace.path("out"));
        ASSERT_TRUE(read_output(workspace.path("out")) == expected)
            << "seed " << seed << ", " << threads << " threads, " << shape.memory << " bytes, split " << shape.split;
      }
    }
  }

  const std::uint64_t seed = std::random_device()();
  const std::vector<Line> lines = make_lines(seed, 40000);
  Workspace workspace;
  std::string input;
};

TEST_F(Model, ValuesInTheOrderOfTheInput) {
  expect_model(model(lines, hash_part, listed), [](const auto& job, const std::string& out) {
    job.template reduce<std::string>(ListValues{}).write_text(out);
  });
}

TEST_F(Model, FoldedByACombiner) {
  expect_model(model(lines, hash_part, summed), [](const auto& job, const std::string& out) {
    job.combine(std::plus<>{}).reduce(std::plus<>{}).write_text(out);
  });
}

TEST_F(Model, CombinedByTheReduceFunction) {
  expect_model(model(lines, hash_part, summed),
               [](const auto& job, const std::string& out) { job.combine(AddUp{}).reduce(AddUp{}).write_text(out); });
}

TEST_F(Model, PartitionedByTheUser) {
  const auto by_length = [](std::string_view key) { return key.size(); };
  expect_model(model(
                   lines, [](const std::string& key) { return key.size() % reducers; }, summed),
               [&](const auto& job, const std::string& out) {
                 job.partition(by_length).combine(std::plus<>{}).reduce(AddUp{}).write_text(out);
               });
}

TEST_F(Model, ValuesSortedDescending) {
  const auto descending_list = [](const std::string& key, std::vector<std::uint64_t> values) {
    std::sort(values.rbegin(), values.rend());
    return listed(key, values);
  };
  expect_model(model(lines, hash_part, descending_list), [](const auto& job, const std::string& out) {
    job.sort_values(descending).template reduce<std::string>(ListValues{}).write_text(out);
  });
}

TEST_F(Model, GroupedByAPartOfTheKey) {
  // Groups by the first two bytes; the values of a group come in the order of the whole keys.
  std::vector<std::map<std::string, std::map<std::string, std::vector<std::uint64_t>>>> groups(reducers);
  for (const Line& line : lines) {
    const std::string part = line.key.substr(0, 2);
    groups[hash_part(part)][part][line.key].push_back(line.value);
  }
  Parts expected;
  for (std::uint32_t part = 0; part < reducers; ++part) {
    std::string& text = expected[part_name(part)];
    for (const auto& [prefix, keys] : groups[part]) {
      text += prefix;
      for (const auto& [key, values] : keys) {
        for (const std::uint64_t value : values) text += " " + key + "," + std::to_string(value);
      }
      text += "\n";
    }
  }
  expect_model(expected, [](const auto& job, const std::string& out) {
    job.group_by([](std::string_view key) { return key.substr(0, 2); })
        .template reduce<std::string>([](std::string_view first, auto& values, auto& emit) {
          std::string text(first.substr(0, 2));
          for (std::uint64_t value : values) text += " " + std::string(values.key()) + "," + std::to_string(value);
          emit(text);
        })
        .write_text(out);
  });
}

TEST_F(Model, RangesOneAfterTheOtherAreSorted) {
  std::string all;
  for (const auto& [name, text] : model(
           lines, [](const std::string&) { return 0u; }, listed))
    all += text;
  Parts first;
  for (const unsigned threads : {0u, 2u, 7u}) {
    for (const std::uint64_t split : {std::uint64_t{0}, std::uint64_t{5000}}) {
      Options options = workspace.options(threads, std::uint64_t{4} << 20);
      options.split_bytes = split;
      options.overwrite = true;
      map_reduce<std::string_view, std::uint64_t>(Context(options).read_text(input))
          .map(ParseLine{})
          .partition_by_range()
          .reducers(reducers)
          .reduce<std::string>(ListValues{})
          .write_text(workspace.path("out"));
      const Parts parts = read_output(workspace.path("out"));
      if (first.empty()) first = parts;
      ASSERT_TRUE(parts == first) << "seed " << seed << ", " << threads << " threads, split " << split;
      ASSERT_TRUE(read_parts(workspace.path("out")) == all) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace millrace
