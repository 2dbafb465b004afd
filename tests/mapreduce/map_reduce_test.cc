#include <gtest/gtest.h>
#include <set>

#include "tests/workspace.h"

namespace millrace {
namespace {

using namespace testing;
using Count = std::pair<std::string, std::uint64_t>;

class MapReduceTest : public ::testing::Test {
 protected:
  Context context(std::uint64_t skips = 0) {
    Options options = workspace.options();
    options.skip_bad_records = skips;
    options.split_bytes = 8;
    return Context(options);
  }
  Workspace workspace;
};

/// Emits each word of a line with 1.
struct CountWords {
  template <class Emit>
  void operator()(std::string_view line, Emit& emit) const {
    words(line, [&](std::string_view word) { emit(word, 1); });
  }
};

/// Adds up the values of a key; serves as a combiner, too.
struct AddUp {
  template <class Values, class Emit>
  void operator()(std::string_view word, Values& values, Emit& emit) const {
    std::uint64_t sum = 0;
    for (std::uint64_t value : values) sum += value;
    emit(word, sum);
  }
};

TEST_F(MapReduceTest, CountsWordsInTheOrderOfTheKeys) {
  const std::string path = workspace.write("a.txt", "b a c\na b\n\nb\n");
  const auto job = map_reduce<std::string_view, std::uint64_t>(context().read_text(path)).map(CountWords{}).reducers(1);
  const std::vector<Count> expected = {{"a", 2}, {"b", 3}, {"c", 1}};
  EXPECT_EQ(job.reduce(AddUp{}).collect(), expected);
  EXPECT_EQ(job.reduce(std::plus<>{}).collect(), expected);
  EXPECT_EQ(job.combine(std::plus<>{}).reduce(std::plus<>{}).collect(), expected);
  EXPECT_EQ(job.combine(AddUp{}).reduce(AddUp{}).collect(), expected);
}

TEST_F(MapReduceTest, ReduceMayEmitAnythingAnyNumberOfTimes) {
  const std::string path = workspace.write("a.txt", "b a c\na b\n\nb\n");
  const auto repeated = map_reduce<std::string_view, std::uint64_t>(context().read_text(path))
                            .map(CountWords{})
                            .reducers(1)
                            .reduce<std::string_view>([](std::string_view word, auto& counts, auto& emit) {
                              if (word == "c") return;  // its values are passed over
                              counts.for_each([&](std::uint64_t) { emit(word); });
                            });
  EXPECT_EQ(repeated.collect(), (std::vector<std::string>{"a", "a", "b", "b", "b"}));
}

TEST_F(MapReduceTest, ReduceMayLeaveValues) {
  const auto pairs =
      context().parallelize(std::vector<std::pair<int, int>>{{1, 10}, {2, 20}, {1, 11}, {3, 30}, {1, 12}});
  const auto firsts = map_reduce<int, int>(pairs).reducers(1).reduce<int>([](int, auto& values, auto& emit) {
    int value = 0;
    if (values.next(value)) emit(value);
  });
  EXPECT_EQ(firsts.collect(), (std::vector<int>{10, 20, 30}));
}

TEST_F(MapReduceTest, JobsChainWithoutFiles) {
  const std::string path = workspace.write("a.txt", "b a c\na b\n\nb\n");
  auto words_by_count =
      map_reduce<std::uint64_t, std::string_view>(map_reduce<std::string_view, std::uint64_t>(context().read_text(path))
                                                      .map(CountWords{})
                                                      .combine(std::plus<>{})
                                                      .reduce(std::plus<>{}))
          .map([](const std::pair<std::string_view, std::uint64_t>& count, auto& emit) {
            emit(count.second, count.first);
          })
          .sort_keys(descending)
          .reducers(1)
          .reduce<std::string_view>([](std::uint64_t, auto& same, auto& emit) {
            for (std::string_view word : same) emit(word);
          });
  EXPECT_EQ(words_by_count.collect(), (std::vector<std::string>{"b", "a", "c"}));
  EXPECT_EQ(names_in(workspace.path("")), (std::vector<std::string>{"a.txt", "tmp"}));
}

TEST_F(MapReduceTest, PartitionsKeysByAFunctionOfTheUser) {
  // Section 4.1: all URLs of a host in one output file.
  const std::string path =
      workspace.write("urls.txt", "http://b.org/1\nhttp://a.org/2\nhttp://b.org/0\nhttp://a.org/1\n");
  const auto host = [](std::string_view url) { return field(url, 2, '/') == "a.org" ? 5u : 2u; };
  auto urls = map_reduce<std::string_view, char>(context().read_text(path))
                  .map([](std::string_view url, auto& emit) { emit(url, 'x'); })
                  .partition(host)
                  .reducers(4)
                  .reduce<std::string_view>([](std::string_view url, auto&, auto& emit) { emit(url); });
  urls.write_text(workspace.path("out"));
  EXPECT_EQ(read_output(workspace.path("out")),
            (std::map<std::string, std::string>{{"part-00000", ""},
                                                {"part-00001", "http://a.org/1\nhttp://a.org/2\n"},
                                                {"part-00002", "http://b.org/0\nhttp://b.org/1\n"},
                                                {"part-00003", ""}}));
}

TEST_F(MapReduceTest, WhatAPartitionFunctionGivesIsHashedUnlessItIsANumber) {
  const auto urls = context().generate(1000, [](std::uint64_t i) {
    return std::pair("http://host" + std::to_string(i % 20) + "/" + std::to_string(i), 1);
  });
  const auto host = [](std::string_view url) { return field(url, 2, '/'); };
  auto hosts = map_reduce<std::string, int>(urls).partition(host).reducers(4).reduce<std::string>(
      [host](const std::string& url, auto&, auto& emit) { emit(std::string(host(url))); });
  hosts.write_text(workspace.path("out"));
  std::map<std::string, std::set<std::string>> parts;
  for (const auto& [name, text] : read_output(workspace.path("out"))) {
    EXPECT_FALSE(text.empty()) << name;
    std::string_view rest = text;
    while (!rest.empty()) {
      parts[std::string(rest.substr(0, rest.find('\n')))].insert(name);
      rest.remove_prefix(rest.find('\n') + 1);
    }
  }
  EXPECT_EQ(parts.size(), 20u);
  for (const auto& [name, where] : parts) EXPECT_EQ(where.size(), 1u) << name;
}

TEST_F(MapReduceTest, KeysMayBeEmptyViews) {
  const auto numbers = context().generate(10, [](std::uint64_t i) { return i; });
  const auto sums = map_reduce<std::string_view, std::uint64_t>(numbers)
                        .map([](std::uint64_t i, auto& emit) { emit(std::string_view(), i); })
                        .partition([](std::string_view) { return std::string_view(); })
                        .reducers(3);
  EXPECT_EQ(sums.combine(std::plus<>{}).reduce(std::plus<>{}).collect(), (std::vector<Count>{{"", 45}}));
  EXPECT_EQ(sums.reduce(std::plus<>{}).collect(), (std::vector<Count>{{"", 45}}));
}

TEST_F(MapReduceTest, APartitionFunctionMayAskForTheNumberOfReducers) {
  const auto pairs = context().generate(100, [](std::uint64_t i) { return std::pair{i, i}; });
  auto last = map_reduce<std::uint64_t, std::uint64_t>(pairs)
                  .partition([](std::uint64_t, std::uint32_t reducers) { return reducers - 1; })
                  .reducers(3)
                  .reduce(std::plus<>{});
  last.write_text(workspace.path("out"));
  const auto files = read_output(workspace.path("out"));
  EXPECT_EQ(files.at("part-00000") + files.at("part-00001"), "");
  EXPECT_TRUE(files.at("part-00002").starts_with("0\t0\n1\t1\n2\t2\n")) << files.at("part-00002");
}

TEST_F(MapReduceTest, RangesOfKeysMakeATotalOrder) {
  const auto pairs = context().generate(
      5000,
      [](std::uint64_t i) {
        return std::pair{i * 7919 % 5000, i};
      },
      7);
  const auto keys =
      map_reduce<std::uint64_t, std::uint64_t>(pairs).partition_by_range().reducers(5).reduce<std::uint64_t>(
          [](std::uint64_t key, auto&, auto& emit) { emit(key); });
  EXPECT_EQ(keys.partitions(), 5u);
  const auto all = keys.collect();
  ASSERT_EQ(all.size(), 5000u);
  for (std::uint64_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], i);
}

TEST_F(MapReduceTest, SecondarySortByAnOrderOfTheValues) {
  const std::string path = workspace.write("visits.txt", "ann 3 /c\nbob 1 /x\nann 1 /a\nann 2 /b\nbob 0 /w\n");
  using Visit = std::pair<std::uint32_t, std::string_view>;
  const auto job = map_reduce<std::string_view, Visit>(context().read_text(path))
                       .map([](std::string_view line, auto& emit) {
                         const auto time = static_cast<std::uint32_t>(field(line, 1, ' ')[0] - '0');
                         emit(field(line, 0, ' '), Visit(time, field(line, 2, ' ')));
                       })
                       .reducers(1);
  const auto path_of = [](std::string_view user, auto& visits, auto& emit) {
    std::string text(user);
    for (const Visit& visit : visits) text += visit.second;
    emit(text);
  };
  EXPECT_EQ(job.sort_values().reduce<std::string>(path_of).collect(),
            (std::vector<std::string>{"ann/a/b/c", "bob/w/x"}));
  EXPECT_EQ(job.sort_values(descending).reduce<std::string>(path_of).collect(),
            (std::vector<std::string>{"ann/c/b/a", "bob/x/w"}));
  const auto by_page_backwards = [](const Visit& a, const Visit& b) { return a.second > b.second; };
  EXPECT_EQ(job.sort_keys(descending).sort_values(by_page_backwards).reduce<std::string>(path_of).collect(),
            (std::vector<std::string>{"bob/x/w", "ann/c/b/a"}));
  EXPECT_EQ(job.reduce<std::string>(path_of).collect(), (std::vector<std::string>{"ann/c/a/b", "bob/x/w"}));
}

TEST_F(MapReduceTest, SecondarySortByAPartOfTheKey) {
  using Key = std::pair<std::string_view, std::uint32_t>;
  const std::vector<std::pair<std::pair<std::string, std::uint32_t>, std::string>> visits = {
      {{"ann", 3}, "/c"}, {{"bob", 1}, "/x"}, {{"ann", 1}, "/a"}, {{"ann", 2}, "/b"}, {{"bob", 0}, "/w"}};
  // The part is deliberately not what the whole keys are ordered by first.
  const auto by_time = [](const Key& a, const Key& b) { return a.second > b.second; };
  const auto job = map_reduce<Key, std::string_view>(context().parallelize(visits, 2))
                       .map([](const auto& visit, auto& emit) { emit(visit.first, visit.second); })
                       .group_by([](const Key& key) { return key.first; });
  const auto path_of = [](const Key& first, auto& pages, auto& emit) {
    std::string text(first.first);
    for (std::string_view page : pages) text += " " + std::to_string(pages.key().second) + std::string(page);
    emit(text);
  };
  const auto paths = job.reducers(1).reduce<std::string>(path_of);
  EXPECT_EQ(paths.collect(), (std::vector<std::string>{"ann 1/a 2/b 3/c", "bob 0/w 1/x"}));
  EXPECT_EQ(job.sort_keys(by_time).reducers(1).reduce<std::string>(path_of).collect(),
            (std::vector<std::string>{"ann 3/c 2/b 1/a", "bob 1/x 0/w"}));
  // A group is never torn, whatever the number of partitions.
  EXPECT_EQ(sorted(job.reducers(7).reduce<std::string>(path_of).collect()), paths.collect());
  EXPECT_EQ(job.partition_by_range().reducers(2).reduce<std::string>(path_of).collect(), paths.collect());
}

TEST_F(MapReduceTest, KeysThatAreAlikeInAnOrderAreOneGroup) {
  const std::vector<std::pair<std::string, int>> pairs = {{"b", 1}, {"A", 2}, {"B", 3}, {"a", 4}};
  const auto lower = [](std::string_view text) { return static_cast<char>(text[0] | 0x20); };
  const auto sums = map_reduce<std::string, int>(context().parallelize(pairs, 2))
                        .sort_keys([lower](std::string_view a, std::string_view b) { return lower(a) < lower(b); })
                        .partition([lower](std::string_view key) { return lower(key); })
                        .reducers(1);
  EXPECT_EQ(sums.reduce(std::plus<>{}).collect(), (std::vector<std::pair<std::string, int>>{{"A", 6}, {"b", 4}}));
}

TEST_F(MapReduceTest, KeysMayBeClassesOfTheUser) {
  struct Place {
    std::int16_t x = 0;
    std::int16_t y = 0;
    bool operator<(const Place& other) const { return std::tie(y, x) < std::tie(other.y, other.x); }
  };
  const auto places = context().generate(12, [](std::uint64_t i) {
    return std::pair(Place{static_cast<std::int16_t>(i % 3), static_cast<std::int16_t>(i % 2)}, 1);
  });
  const auto counts =
      map_reduce<Place, int>(places).reducers(1).reduce<std::string>([](const Place& place, auto& ones, auto& emit) {
        int sum = 0;
        for (int one : ones) sum += one;
        emit(std::to_string(place.y) + std::to_string(place.x) + "=" + std::to_string(sum));
      });
  EXPECT_EQ(counts.collect(), (std::vector<std::string>{"00=2", "01=2", "02=2", "10=2", "11=2", "12=2"}));
}

TEST_F(MapReduceTest, SideOutputsAreCommittedWithTheTask) {
  const auto pairs = context().generate(10, [](std::uint64_t i) { return std::pair{i, i}; });
  auto evens = map_reduce<std::uint64_t, std::uint64_t>(pairs).reducers(2).reduce<std::uint64_t>(
      [](std::uint64_t key, auto&, auto& emit) {
        if (key % 2 == 0) return emit(key);
        side_output("odd").write(std::to_string(key) + "\n");
        if (TaskContext::current()->attempt() < 2) throw std::runtime_error("fails after it has written");
      });
  const std::string out = workspace.path("out");
  evens.write_text(out);
  // Whoever reads the output does not see what is beside it, but can read that, too.
  EXPECT_EQ(context().read_text(out).count(), 5u);
  EXPECT_EQ(sorted(context().read_text(out + "/_odd").collect()), (std::vector<std::string>{"1", "3", "5", "7", "9"}));
  EXPECT_TRUE(std::filesystem::exists(out + "/_SUCCESS"));
}

TEST_F(MapReduceTest, SideOutputsNeedAnOutput) {
  const auto pairs = context().generate(10, [](std::uint64_t i) { return std::pair{i, i}; });
  const auto writes = [](std::uint64_t key, auto&, auto&) { side_output("odd").write(std::to_string(key)); };
  expect_error(Cause::usage, {"writes to no directory"},
               [&] { map_reduce<std::uint64_t, std::uint64_t>(pairs).reduce<int>(writes).collect(); });
  expect_error(Cause::usage, {"outside of a task"}, [&] { side_output("odd"); });
  const auto wrong = [](std::uint64_t, auto&, auto&) { side_output("../odd"); };
  expect_error(Cause::usage, {"../odd", "plain file name"}, [&] {
    map_reduce<std::uint64_t, std::uint64_t>(pairs).reduce<int>(wrong).write_text(workspace.path("o"));
  });
  EXPECT_FALSE(std::filesystem::exists(workspace.path("o")));
}

TEST_F(MapReduceTest, CountersCountOnceWhateverIsRetried) {
  const Context job = context();
  const auto pairs = job.generate(10, [](std::uint64_t i) { return std::pair{i % 3, i}; });
  map_reduce<std::uint64_t, std::uint64_t>(pairs)
      .map([](const auto& pair, auto& emit) {
        count("mapped");
        emit(pair.first, pair.second);
      })
      .reducers(1)
      .reduce([](std::uint64_t key, auto& values, auto& emit) {
        count("reduced");
        if (key == 2 && TaskContext::current()->attempt() < 2) throw std::runtime_error("not yet");
        for (std::uint64_t value : values) emit(key, value);
      })
      .count();
  EXPECT_EQ(job.counter("mapped"), 10);
  EXPECT_EQ(job.counter("reduced"), 3);
}

TEST_F(MapReduceTest, BadRecordsAreSkippedInMap) {
  const std::string path = workspace.write("a.txt", "1\n2\nx\n4\n2\ny\n");
  const auto sums = [&](std::uint64_t skips) {
    return map_reduce<int, int>(context(skips).read_text(path))
        .map([](std::string_view line, auto& emit) {
          emit(0, 1);
          emit(1, std::stoi(std::string(line)));
        })
        .reducers(1)
        .reduce(std::plus<>{})
        .collect();
  };
  EXPECT_EQ(sums(2), (std::vector<std::pair<int, int>>{{0, 4}, {1, 9}}));
  expect_error(Cause::user_code, {path, "byte", "map"}, [&] { sums(0); });
  expect_error(Cause::user_code, {path, "byte"}, [&] { sums(1); });
}

TEST_F(MapReduceTest, RecordsThatTheCombinerFailsOnAreSkipped) {
  const std::string path = workspace.write("a.txt", "1\n2\n7\n3\n4\n5\n");  // the first split ends behind the 3
  const auto sums = [&](std::uint64_t skips) {
    return map_reduce<int, int>(context(skips).read_text(path))
        .map([](std::string_view line, auto& emit) { emit(0, std::stoi(std::string(line))); })
        .reducers(1)
        .combine([](int sum, int number) {
          if (number == 7) throw std::runtime_error("seven");
          return sum + number;
        })
        .reduce(std::plus<>{})
        .collect();
  };
  EXPECT_EQ(sums(1), (std::vector<std::pair<int, int>>{{0, 15}}));
  expect_error(Cause::user_code, {path, "seven"}, [&] { sums(0); });
}

TEST_F(MapReduceTest, BadGroupsAreSkippedInReduce) {
  const auto sums = [&](std::uint64_t skips) {
    const auto pairs = context(skips).generate(9, [](std::uint64_t i) { return std::pair{i % 3, i}; });
    return map_reduce<std::uint64_t, std::uint64_t>(pairs)
        .reducers(1)
        .reduce([](std::uint64_t key, auto& values, auto& emit) {
          std::uint64_t sum = 0;
          for (std::uint64_t value : values) sum += value;
          if (key == 1) throw std::runtime_error("one is a bad key");
          emit(key, sum);
        })
        .collect();
  };
  EXPECT_EQ(sums(1), (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 9}, {2, 15}}));
  expect_error(Cause::user_code, {"reduce", "one is a bad key"}, [&] { sums(0); });
}

TEST_F(MapReduceTest, FailuresNameTheOperation) {
  const auto pairs = context().generate(10, [](std::uint64_t i) { return std::pair{i, i}; });
  const auto begun = map_reduce<std::uint64_t, std::uint64_t>(pairs);
  const auto failing = begun.map([](const auto&, auto&) { throw std::runtime_error("no"); });
  expect_error(Cause::user_code, {"map (map_reduce_test.cc", "no"}, [&] { failing.reduce(std::plus<>{}).count(); });
}

TEST_F(MapReduceTest, RefusesReferences) {
  const auto pairs = context().generate(10, [](std::uint64_t i) { return std::pair{i, i}; });
  const auto begun = map_reduce<std::uint64_t, std::uint64_t>(pairs);
  std::uint64_t local = 0;
  const auto reference = [&local](std::uint64_t key) { return key + local; };
  expect_error(Cause::usage, {"partition", "reference"}, [&] { begun.partition(reference); });
  expect_error(Cause::usage, {"group_by", "reference"}, [&] { begun.group_by(reference); });
  expect_error(Cause::usage, {"at least 1"}, [&] { begun.reducers(0); });
}

TEST_F(MapReduceTest, FunctionsMayCarryValues) {
  const std::string path = workspace.write("a.txt", "b a c\na b\n");
  const auto only = capture(std::string("ac"), [](const std::string& wanted, std::string_view line, auto& emit) {
    words(line, [&](std::string_view word) {
      if (wanted.find(word) != wanted.npos) emit(word, 1);
    });
  });
  const auto counts = map_reduce<std::string_view, std::uint64_t>(context().read_text(path)).map(only).reducers(1);
  EXPECT_EQ(counts.reduce(std::plus<>{}).collect(), (std::vector<Count>{{"a", 2}, {"c", 1}}));
}

TEST_F(MapReduceTest, WritesFormatsOfTheUsersOwn) {
  const auto numbers = context().parallelize(std::vector<int>{1, 2, 3}, 1);
  numbers.write_with(
      workspace.path("lines"), [](std::string& out, int x) { out += std::to_string(x) + ";"; }, ".txt");
  EXPECT_EQ(read_output(workspace.path("lines")), (std::map<std::string, std::string>{{"part-00000.txt", "1;2;3;"}}));
  numbers.write_with(workspace.path("whole"), [](auto& partition, auto& file) {
    file.write("begin ");
    partition.for_each([&](int x) { file.write(std::to_string(x) + " "); });
    file.write("end");
  });
  EXPECT_EQ(read_output(workspace.path("whole")),
            (std::map<std::string, std::string>{{"part-00000", "begin 1 2 3 end"}}));
}

TEST_F(MapReduceTest, RepartitionAndSortWithinPartitions) {
  const auto pairs = context().generate(
      1000,
      [](std::uint64_t i) {
        return std::pair{i * 7 % 100, i};
      },
      3);
  using Pair = std::pair<std::uint64_t, std::uint64_t>;
  std::vector<Pair> expected = pairs.collect();
  std::stable_sort(expected.begin(), expected.end(), [](const Pair& a, const Pair& b) { return a.first > b.first; });
  EXPECT_EQ(pairs.repartition_and_sort_within_partitions(1, descending).collect(), expected);
  const auto halves =
      pairs.repartition_and_sort_within_partitions([](std::uint64_t key) { return key / 50; }, 2).collect();
  std::stable_sort(expected.begin(), expected.end(), [](const Pair& a, const Pair& b) { return a.first < b.first; });
  EXPECT_EQ(halves, expected);
}

}  // namespace
}  // namespace millrace
