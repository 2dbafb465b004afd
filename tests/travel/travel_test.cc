#include <cstring>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "dataset/driver_session.h"
#include "jobs/grep/grep.h"
#include "jobs/index/index.h"
#include "jobs/join/join.h"
#include "jobs/links/links.h"
#include "jobs/logistic_regression/logistic_regression.h"
#include "jobs/ngrams/ngrams.h"
#include "jobs/sort/sort.h"
#include "jobs/stream/stream_job.h"
#include "jobs/terms/terms.h"
#include "jobs/urls/urls.h"
#include "jobs/wordcount/wordcount.h"
#include "storage/local_file_system.h"
#include "tests/travel/travelling_runner.h"
#include "tests/workspace.h"

// Tasks travel: every stage of every job becomes bytes, and a second process of this executable that knows nothing else
// comes to the same blocks and files as this one.

namespace millrace::travel {
namespace {

using testing::Workspace;

class Travel : public ::testing::Test {
 protected:
  Travel() {
    std::filesystem::create_directory(workspace.path("travel"));
    auto owned = std::make_unique<TravellingRunner>(workspace.path("travel"), std::uint64_t{64} << 20);
    runner = owned.get();
    travelling = std::make_unique<Context>(
        std::make_shared<dataset::DriverSession>(options(), storage::local_file_system(), std::move(owned)));
  }

  Options options() const {
    Options options = workspace.options(2, std::uint64_t{64} << 20);
    options.split_bytes = 3000;
    options.reducers = 3;
    return options;
  }

  /// Runs the job as usual, and with every stage in two processes; both have to write the same.
  template <class Job>
  void expect_same_output(Job job) {
    Context usual(options());
    job(usual, workspace.path("usual"));
    job(*travelling, workspace.path("travelled"));
    EXPECT_EQ(testing::read_output(workspace.path("travelled")), testing::read_output(workspace.path("usual")));
    EXPECT_GT(std::filesystem::file_size(workspace.path("travelled") + "/part-00000"), 0u);
  }

  /// Lines of words, of which some are frequent.
  std::string text(const char* first_separator = " ") const {
    std::string text;
    for (unsigned line = 0; line < 400; ++line) {
      text += "w" + std::to_string(line % 37) + first_separator;
      for (unsigned word = 0; word < line % 7; ++word) text += "v" + std::to_string(line * word % 101) + " ";
      text += "the\n";
    }
    return text;
  }

  Workspace workspace;
  TravellingRunner* runner = nullptr;  // of the session behind `travelling`
  std::unique_ptr<Context> travelling;
};

TEST_F(Travel, ATaskThatDependsOnItsProcessIsNoticed) {
  auto process = [](int) { return getpid(); };
  EXPECT_NONFATAL_FAILURE(travelling->parallelize(std::vector<int>{1}).map(process).collect(), "partition 0");
}

TEST_F(Travel, WordCount) {
  const auto input = workspace.write("in", text());
  expect_same_output([&](Context& context, const std::string& output) {
    jobs::count_words(context, {input}).sort_by_key().write_text(output);
  });
  EXPECT_EQ(runner->travelled().size(), 4u);  // to the words, to the order, a sample of it, and the parts
  EXPECT_EQ(jobs::count_words(*travelling, {input}).top(3, by_value),
            (std::vector<std::pair<std::string, std::uint64_t>>{{"the", 400}, {"v0", 350}, {"v73", 12}}));
}

TEST_F(Travel, Grep) {
  const auto input = workspace.write("in", text());
  jobs::Pattern fixed;
  fixed.text = "v1";
  fixed.fixed = true;
  expect_same_output([&](Context& context, const std::string& output) {
    jobs::matching_text(context, fixed, {input}, true).write_text(output);
  });
  Context usual(options());
  for (const char* expression : {"w[12] v0", "^w3 the$", "nowhere"}) {
    jobs::Pattern pattern;
    pattern.text = expression;
    pattern.fold_case = true;
    EXPECT_EQ(jobs::matching_text(*travelling, pattern, {input}, false).collect(),
              jobs::matching_text(usual, pattern, {input}, false).collect());
    EXPECT_EQ(jobs::matches_per_file(*travelling, pattern, {input}).collect(),
              jobs::matches_per_file(usual, pattern, {input}).collect());
    EXPECT_EQ(jobs::numbered_matches(*travelling, pattern, {input}).count(),
              jobs::numbered_matches(usual, pattern, {input}).count());
  }
}

TEST_F(Travel, Urls) {
  std::string log;
  for (unsigned i = 0; i < 600; ++i) {
    log += "host - - [01/Jan/2020:00:00:00 +0000] \"GET /" + std::to_string(i % 23 * i % 17) + " HTTP/1.1\" 200 1\n";
  }
  const auto input = workspace.write("in", log);
  expect_same_output(
      [&](Context& context, const std::string& output) { jobs::url_shares(context, {input}).write_text(output); });
}

TEST_F(Travel, Links) {
  std::string edges;
  for (unsigned i = 0; i < 900; ++i) edges += "page" + std::to_string(i) + "\tpage" + std::to_string(i * i % 61) + "\n";
  const auto input = workspace.write("in", edges);
  expect_same_output(
      [&](Context& context, const std::string& output) { jobs::reverse_links(context, {input}).write_text(output); });
}

TEST_F(Travel, Index) {
  const auto input = workspace.write("in", text("\t"));
  for (const bool positions : {false, true}) {
    SCOPED_TRACE(positions);
    expect_same_output([&](Context& context, const std::string& output) {
      jobs::inverted_index(context, {input}, positions).sort_by_key().write_text(output + (positions ? "-with" : ""));
      if (positions) std::filesystem::rename(output + "-with", output);
    });
    std::filesystem::remove_all(workspace.path("usual"));
    std::filesystem::remove_all(workspace.path("travelled"));
  }
}

TEST_F(Travel, Terms) {
  std::string documents;
  for (unsigned i = 0; i < 300; ++i) {
    documents += "http://host" + std::to_string(i % 11) + "/" + std::to_string(i) + "\tsome term" +
                 std::to_string(i % 5) + " of term" + std::to_string(i % 13) + "\n";
  }
  const auto input = workspace.write("in", documents);
  expect_same_output(
      [&](Context& context, const std::string& output) { jobs::term_vectors(context, {input}, 4).write_text(output); });
}

TEST_F(Travel, Ngrams) {
  const auto input = workspace.write("in", text());
  expect_same_output(
      [&](Context& context, const std::string& output) { jobs::count_ngrams(context, {input}, 3).write_text(output); });
}

TEST_F(Travel, SortOfLines) {
  const auto input = workspace.write("in", text());
  jobs::LineSort by_keys;
  by_keys.keys = {jobs::parse_sort_key("2,2r"), jobs::parse_sort_key("1.2n")};
  jobs::LineSort descending;
  descending.global.reverse = true;
  for (const jobs::LineSort& order : {jobs::LineSort(), by_keys, descending}) {
    for (const bool unique : {false, true}) {
      expect_same_output([&](Context& context, const std::string& output) {
        jobs::sort_lines(context, {input}, order, unique).write_text(output);
      });
      std::filesystem::remove_all(workspace.path("usual"));
      std::filesystem::remove_all(workspace.path("travelled"));
    }
  }
}

TEST_F(Travel, SortOfRecords) {
  std::string records;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    std::uint64_t mixed = i * 0x9e3779b97f4a7c15u;
    records.append(reinterpret_cast<const char*>(&mixed), sizeof(mixed)).append("0123");
  }
  const auto input = workspace.write("in", records);
  expect_same_output([&](Context& context, const std::string& output) {
    jobs::sort_records(context, {input}, 12, 5).write_records(output);
  });
}

TEST_F(Travel, Join) {
  std::string left;
  std::string right;
  for (unsigned i = 0; i < 500; ++i) left += std::to_string(i % 90) + "\tleft" + std::to_string(i) + "\n";
  for (unsigned i = 40; i < 140; ++i) right += "right" + std::to_string(i) + "\t" + std::to_string(i) + "\n";
  const auto left_path = workspace.write("left", left);
  const auto right_path = workspace.write("right", right);
  for (unsigned kind = 0; kind < 6; ++kind) {
    jobs::JoinSpec spec;
    spec.right_field = 1;
    spec.keep_left = kind % 2 == 1;
    spec.keep_right = kind == 2 || kind == 3;
    spec.small_right = kind >= 4;
    SCOPED_TRACE(kind);
    expect_same_output([&](Context& context, const std::string& output) {
      jobs::join_lines(context, {left_path}, {right_path}, spec).write_text(output);
    });
    std::filesystem::remove_all(workspace.path("usual"));
    std::filesystem::remove_all(workspace.path("travelled"));
  }
}

TEST_F(Travel, LogisticRegression) {
  std::string points;
  for (int i = 0; i < 500; ++i) {
    points += std::to_string(i % 17 - 8) + "," + std::to_string(i % 5) + ".5," + std::to_string(i % 17 > 8) + "\n";
  }
  const auto input = workspace.write("in", points);
  Context usual(options());
  const auto expected = jobs::train_logistic(usual, {input}, 3).weights;
  EXPECT_EQ(jobs::train_logistic(*travelling, {input}, 3).weights, expected);
  EXPECT_NE(expected.at(0), 0);
}

jobs::stream::StreamingJob streaming_job(std::vector<std::string> arguments) {
  const auto no_file = [](const std::string& path) -> std::string { throw Error(Cause::input, path); };
  return jobs::stream::parse_streaming_options(arguments, no_file);
}

TEST_F(Travel, StreamingWithMapperCombinerAndReducer) {
  const auto input = workspace.write("in", text());
  expect_same_output([&](Context& context, const std::string& output) {
    const auto job = streaming_job({"-D", "mapreduce.job.reduces=2", "-input", input, "-output", output, "-mapper",
                                    "tr ' ' '\\n'", "-combiner", "uniq", "-reducer", "uniq -c", "-cmdenv", "LC_ALL=C"});
    jobs::stream::run_streaming_job(job, context, {});
  });
}

TEST_F(Travel, StreamingWithMappersAlone) {
  const auto input = workspace.write("in", text());
  expect_same_output([&](Context& context, const std::string& output) {
    const auto job = streaming_job({"-D", "mapreduce.job.reduces=0", "-input", input, "-output", output, "-inputformat",
                                    "org.apache.hadoop.mapred.lib.NLineInputFormat", "-D",
                                    "mapreduce.input.lineinputformat.linespermap=100", "-mapper", "cut -c2-"});
    jobs::stream::run_streaming_job(job, context, {});
  });
}

}  // namespace
}  // namespace millrace::travel

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "--run-parcel") == 0) return millrace::travel::run_parcel(argv[2], argv[3]);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
