#include "dataset/options.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <unistd.h>

#include <millrace/error.h>

namespace millrace::dataset {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OptionsTest : public ::testing::Test {
 protected:
  OptionsTest() {
    std::string name = ::testing::TempDir() + "options_test_XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~OptionsTest() override { std::filesystem::remove_all(folder_); }

  Options parse(const std::vector<std::string>& words) {
    return parse_options(words, [&](const std::string& name) {
      const auto found = environment_.find(name);
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    });
  }

  std::string refusal(const std::vector<std::string>& words) {
    try {
      parse(words);
    } catch (const Error& error) {
      EXPECT_EQ(error.cause(), Cause::usage);
      return error.what();
    }
    return "accepted";
  }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }

  std::string folder_;
  std::map<std::string, std::string> environment_;
};

TEST_F(OptionsTest, ExecutorsThatMayComeShareTheMachine) {
  EXPECT_EQ(parse({"--max-executors", "1024"}).threads, 1u);
  EXPECT_EQ(parse({"--max-executors", "3"}).max_executors, 3u);
  EXPECT_EQ(parse({}).max_executors, 0u);
  EXPECT_EQ(parse({"--executor-idle=7"}).executor_idle_ms, 7000u);
  EXPECT_THAT(refusal({"--max-executors=2", "--threads=0"}), HasSubstr("excludes --max-executors"));
  // Those that come in Slurm bring processors of their own.
  environment_ = {{"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_CPUS_PER_TASK", "6"}};
  EXPECT_EQ(parse({"--max-executors", "1024"}).threads, 6u);
}

TEST_F(OptionsTest, DefaultsSuitTheMachine) {
  const Options options = parse({});
  EXPECT_GE(options.threads, 1u);
  EXPECT_GE(options.memory_bytes, 1u << 20);
  EXPECT_TRUE(std::filesystem::is_directory(options.tmp));
  EXPECT_EQ(options.reducers, 0u);
  EXPECT_FALSE(options.overwrite);
  EXPECT_EQ(options.attempts, 4u);
  EXPECT_TRUE(options.arguments.empty());
}

TEST_F(OptionsTest, TakesItsOwnOptionsAndLeavesTheRest) {
  const Options options = parse({"a", "--threads", "3", "-x", "--top", "5", "--memory=64M", "--overwrite", "b"});
  EXPECT_EQ(options.threads, 3u);
  EXPECT_EQ(options.memory_bytes, 64u << 20);
  EXPECT_TRUE(options.overwrite);
  EXPECT_THAT(options.arguments, ElementsAre("a", "-x", "--top", "5", "b"));
  EXPECT_EQ(options.literal_from, 5u);
}

TEST_F(OptionsTest, EverythingBehindTheSeparatorIsTheJobs) {
  const Options options = parse({"--threads=0", "a", "--", "--threads", "--", "9"});
  EXPECT_EQ(options.threads, 0u);
  EXPECT_THAT(options.arguments, ElementsAre("a", "--threads", "--", "9"));
  EXPECT_EQ(options.literal_from, 1u);
}

TEST_F(OptionsTest, TheLastOfARepeatedOptionCounts) {
  EXPECT_EQ(parse({"--reducers=2", "--reducers", "7"}).reducers, 7u);
}

TEST_F(OptionsTest, CommandLineBeatsConfigurationFileBeatsEnvironment) {
  environment_ = {{"MILLRACE_THREADS", "1"}, {"MILLRACE_REDUCERS", "1"}, {"MILLRACE_SKIP_BAD_RECORDS", "1"}};
  environment_["MILLRACE_CONFIG"] =
      write("millrace.conf", "# machine-wide\n\nthreads = 2\n  reducers=2\r\noverwrite = yes\n");
  const Options options = parse({"--threads=3"});
  EXPECT_EQ(options.threads, 3u);
  EXPECT_EQ(options.reducers, 2u);
  EXPECT_EQ(options.skip_bad_records, 1u);
  EXPECT_TRUE(options.overwrite);
}

TEST_F(OptionsTest, AnOptionOfTheCommandLineNamesTheConfigurationFile) {
  environment_["MILLRACE_CONFIG"] = write("other.conf", "threads = 9\n");
  EXPECT_EQ(parse({"--config", write("mine.conf", "threads = 5\n")}).threads, 5u);
}

TEST_F(OptionsTest, TheConfigurationFileOfTheHomeDirectoryIsOptional) {
  environment_["HOME"] = folder_;
  EXPECT_NO_THROW(parse({}));
  std::filesystem::create_directory(folder_ + "/.config");
  write(".config/millrace.conf", "progress = plain\n");
  EXPECT_EQ(parse({}).progress, Progress::plain);
}

TEST_F(OptionsTest, RefusalsNameTheOptionAndThePlace) {
  EXPECT_THAT(refusal({"--threads", "many"}), HasSubstr("--threads: 'many' is not a whole number from 0 to 4096"));
  EXPECT_THAT(refusal({"--threads", "-1"}), HasSubstr("--threads: '-1'"));
  EXPECT_THAT(refusal({"--threads", "5000"}), HasSubstr("--threads: '5000'"));
  EXPECT_THAT(refusal({"--threads", ""}), HasSubstr("--threads: ''"));
  EXPECT_THAT(refusal({"--memory"}), HasSubstr("--memory: a value is missing"));
  EXPECT_THAT(refusal({"--memory", "lots"}), HasSubstr("--memory: 'lots' is not a size"));
  EXPECT_THAT(refusal({"--memory=0"}), HasSubstr("smallest budget"));
  EXPECT_THAT(refusal({"--tmp", folder_ + "/none"}), HasSubstr("/none' is not a directory"));
  EXPECT_THAT(refusal({"--progress=loud"}), HasSubstr("'loud' is none of bar, plain, none"));
  EXPECT_THAT(refusal({"--config", folder_ + "/none"}), HasSubstr("cannot read the configuration file"));
  EXPECT_THAT(refusal({"--config", folder_}), HasSubstr("is a directory"));
  EXPECT_THAT(refusal({"--config", write("a", "\nthreads = x\n")}), HasSubstr("/a:2: threads: 'x'"));
  EXPECT_THAT(refusal({"--config", write("b", "treads = 1\n")}), HasSubstr("/b:1: there is no option 'treads'"));
  EXPECT_THAT(refusal({"--config", write("c", "threads 1\n")}), HasSubstr("/c:1: expected 'name = value'"));
  environment_["MILLRACE_MEMORY"] = "1X";
  EXPECT_THAT(refusal({}), HasSubstr("MILLRACE_MEMORY in the environment: '1X' is not a size"));
}

TEST_F(OptionsTest, ProgressAloneShowsSomething) { EXPECT_NE(parse({"--progress", "file"}).progress, Progress::none); }

TEST_F(OptionsTest, TemporaryDirectoryFollowsTheEnvironment) {
  environment_["TMPDIR"] = folder_;
  EXPECT_EQ(parse({}).tmp, folder_);
  environment_["TMPDIR"] = folder_ + "/none";
  EXPECT_NE(parse({}).tmp, folder_ + "/none");
}

TEST(Size, ReadsUnits) {
  EXPECT_EQ(parse_size("0"), 0u);
  EXPECT_EQ(parse_size("17"), 17u);
  EXPECT_EQ(parse_size("17B"), 17u);
  EXPECT_EQ(parse_size("3k"), 3072u);
  EXPECT_EQ(parse_size("1.5G"), 3ull << 29);
  EXPECT_EQ(parse_size("2GiB"), 2ull << 30);
  EXPECT_EQ(parse_size("2MB"), 2'000'000u);
  EXPECT_EQ(parse_size("1T"), 1ull << 40);
}

TEST(Size, RefusesWhatIsNone) {
  for (const char* text : {"", "G", "-1", "1X", "1 G", "1GG", "1Gi", "nan", "inf", "1e40", "1KiBB", " 1"})
    EXPECT_THROW(parse_size(text), Error) << "'" << text << "'";
}

TEST(Help, NamesEveryOptionOnce) {
  const std::string help = Options::help();
  for (const char* name :
       {"--threads N", "--memory SIZE", "--progress[=bar|plain|none]", "--config FILE", "--skip-bad-records N"})
    EXPECT_THAT(help, HasSubstr(name));
  EXPECT_EQ(help.find("file-shuffle"), std::string::npos);
}

}  // namespace
}  // namespace millrace::dataset
