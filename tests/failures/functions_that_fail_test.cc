#include <atomic>
#include <functional>
#include <stdexcept>

#include "tests/failures/faulty_machine.h"

namespace millrace::testing {
namespace {

std::atomic<unsigned> calls_that_fail{0};

struct FailsAtFirst {
  std::string_view operator()(std::string_view line) const {
    if (line == "line 700" && calls_that_fail != 0) {
      --calls_that_fail;
      throw std::runtime_error("not today");
    }
    return line;
  }
};

class FunctionsThatFail : public ::testing::Test {
 protected:
  FunctionsThatFail() {
    for (int i = 0; i < 1000; ++i) {
      if (i == 700) place = text.size();
      text += "line " + std::to_string(i) + "\n";
    }
    machine.write("/in/a", text);
  }

  std::string run(unsigned threads, unsigned failures, Options options = FaultyMachine::options()) {
    calls_that_fail = failures;
    options.threads = threads;
    options.split_bytes = 3000;
    return machine.run(
        options, [](Context& context) { context.read_text("/in").map(FailsAtFirst{}).sort({}, 2).write_text("/out"); });
  }

  FaultyMachine machine;
  std::string text;
  std::size_t place = 0;  // of the line that fails
};

// The sample for the sort is a job of its own, with attempts of its own: with one failure each attempt may fail once.
TEST_F(FunctionsThatFail, ATaskIsRetriedThreeTimes) {
  for (const unsigned threads : {0u, 2u}) {
    EXPECT_EQ(run(threads, 3), "");
    EXPECT_EQ(machine.contents("/out").size(), 3u);
    machine.base.remove_all("/out");
  }
}

TEST_F(FunctionsThatFail, ThenTheJobFailsAndSaysWhere) {
  for (const unsigned threads : {0u, 2u}) {
    const std::string error = run(threads, 1000);
    EXPECT_EQ(std::string(name(machine.last_cause)), std::string(name(Cause::user_code)));
    for (const std::string& part :
         {std::string("map (functions_that_fail_test.cc:"), std::string("/in/a"), "byte " + std::to_string(place),
          std::string("not today"), std::string("4 times")}) {
      EXPECT_NE(error.find(part), error.npos) << "no \"" << part << "\" in: " << error;
    }
    EXPECT_EQ(machine.left_over(), "");
    EXPECT_TRUE(machine.contents("/out").empty());
  }
}

TEST_F(FunctionsThatFail, AttemptsSayHowOften) {
  Options once = FaultyMachine::options();
  once.attempts = 1;
  EXPECT_NE(run(2, 1, once), "");
  EXPECT_EQ(run(2, 0, once), "");
}

// The job's own accounts do not count what failed.
TEST_F(FunctionsThatFail, CountersCountEachTaskOnce) {
  calls_that_fail = 3;
  Options options = FaultyMachine::options(2);
  options.split_bytes = 3000;
  EXPECT_EQ(machine.run(options,
                        [](Context& context) {
                          const auto sum = context.accumulator<std::uint64_t>();
                          auto add = [sum](std::string_view line) {
                            sum.add(1);
                            count("lines");
                            return FailsAtFirst{}(line);
                          };
                          EXPECT_EQ(context.read_text("/in").map(add).count(), 1000u);
                          EXPECT_EQ(sum.value(), 1000u);
                          EXPECT_EQ(context.counter("lines"), 1000);
                        }),
            "");
  EXPECT_EQ(calls_that_fail, 0u);
}

// A task of an exact reduction goes on with other tasks' splits: when it fails in one of these, they are read again
// too.
TEST_F(FunctionsThatFail, SplitsThatATaskWentOnWithAreCountedOnce) {
  for (const unsigned threads : {0u, 2u}) {
    for (const unsigned failures : {0u, 1u, 3u}) {
      calls_that_fail = failures;
      Options options = FaultyMachine::options(threads);
      options.split_bytes = 300;
      EXPECT_EQ(machine.run(options,
                            [](Context& context) {
                              const auto counts = context.read_text("/in")
                                                      .map(FailsAtFirst{})
                                                      .flat_map(words)
                                                      .map([](std::string_view word) { return std::pair(word, 1); })
                                                      .reduce_by_key(std::plus<>{})
                                                      .collect();
                              EXPECT_EQ(counts.size(), 1001u);
                              for (const auto& [word, count] : counts) EXPECT_EQ(count, word == "line" ? 1000 : 1);
                            }),
                "");
      EXPECT_EQ(calls_that_fail, 0u);
    }
  }
}

}  // namespace
}  // namespace millrace::testing
