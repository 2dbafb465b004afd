#include "jobs/stream/job_directory.h"

#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <sstream>
#include <unistd.h>

#include <millrace/error.h>

namespace millrace::jobs::stream {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class JobDirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::canonical(fs::temp_directory_path()) / fmt::format("job_directory_test.{}", getpid());
    fs::remove_all(root_);
    fs::create_directories(root_ / "files/sub");
    write("files/map.py", "#!/bin/sh\n");
    write("files/words.txt", "a b c\n");
    write("files/sub/inner.txt", "inner\n");
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) { std::ofstream(root_ / name) << text; }
  static std::string read(const fs::path& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  void shell(const std::string& command) {
    ASSERT_EQ(std::system(fmt::format("cd '{}' && {}", root_.string(), command).c_str()), 0) << command;
  }
  StreamingJob job_with(std::vector<SharedFile> files) const {
    StreamingJob job;
    for (SharedFile& file : files) {
      file.location = (root_ / "files" / file.location).string();
      job.shared_files.push_back(file);
    }
    return job;
  }

  fs::path root_;
};

TEST_F(JobDirectoryTest, AttemptsSeeTheSharedFiles) {
  const JobDirectory job(root_ / "tmp", job_with({{"words.txt", "dictionary", false}, {"sub", "sub", false}}), {});
  fs::path work;
  {
    const AttemptDirectory attempt(job.path(), "attempt_1", job.files(), "cat");
    work = attempt.work();
    EXPECT_EQ(read(work / "dictionary"), "a b c\n");
    EXPECT_EQ(read(work / "sub/inner.txt"), "inner\n");
    EXPECT_TRUE(fs::is_directory(attempt.temporary()));
    std::ofstream(work / "left over") << "x";
  }
  EXPECT_FALSE(fs::exists(work));
  EXPECT_EQ(read(root_ / "files/words.txt"), "a b c\n");
}

TEST_F(JobDirectoryTest, AProgramThatIsNotExecutableIsMadeSoInACopy) {
  const JobDirectory job(root_ / "tmp", job_with({{"map.py", "map.py", false}}), {});
  const AttemptDirectory attempt(job.path(), "attempt_1", job.files(), "./map.py");
  EXPECT_EQ(access((attempt.work() / "map.py").c_str(), X_OK), 0);
  EXPECT_EQ(fs::status(root_ / "files/map.py").permissions() & fs::perms::owner_exec, fs::perms::none);
}

TEST_F(JobDirectoryTest, ProgramsGivenByAPathAreCalledByTheirLink) {
  const JobDirectory job(root_ / "tmp", job_with({{"map.py", "map.py", false}}), {});
  const std::string path = (root_ / "files/map.py").string();
  EXPECT_EQ(job.localized(path + " --step 1"), "./map.py --step 1");
  EXPECT_EQ(job.localized("/bin/cat"), "/bin/cat");
  EXPECT_EQ(job.localized("map.py"), "map.py");
}

TEST_F(JobDirectoryTest, UnpacksArchives) {
  shell("cd files && tar czf ../files/t.tgz sub words.txt && tar cf ../files/t.tar sub");
  std::vector<SharedFile> files = {{"t.tgz", "dir", true}, {"t.tar", "t.tar", true}, {"words.txt", "plain", true}};
  if (std::system("zip -v >/dev/null 2>&1") == 0) {
    shell("cd files && zip -qr j.jar sub");
    files.push_back({"j.jar", "jar", true});
  }
  const JobDirectory job(root_ / "tmp", job_with(files), {});
  const AttemptDirectory attempt(job.path(), "attempt_1", job.files(), "cat");
  EXPECT_EQ(read(attempt.work() / "dir/sub/inner.txt"), "inner\n");
  EXPECT_EQ(read(attempt.work() / "dir/words.txt"), "a b c\n");
  EXPECT_EQ(read(attempt.work() / "t.tar/sub/inner.txt"), "inner\n");
  EXPECT_EQ(read(attempt.work() / "plain"), "a b c\n");
  if (files.size() > 3) {
    EXPECT_EQ(read(attempt.work() / "jar/sub/inner.txt"), "inner\n");
  }
}

TEST_F(JobDirectoryTest, RefusesArchivesThatReachOutside) {
  shell("cd files/sub && tar cPf ../evil.tar ../words.txt");
  try {
    const JobDirectory job(root_ / "tmp", job_with({{"evil.tar", "x", true}}), {});
    ADD_FAILURE() << "unpacked";
  } catch (const Error& error) {
    EXPECT_EQ(error.cause(), Cause::bad_data);
    EXPECT_THAT(error.what(), HasSubstr("words.txt"));
  }
  EXPECT_TRUE(fs::is_empty(root_ / "tmp"));
}

TEST_F(JobDirectoryTest, SaysWhatIsBrokenOrMissing) {
  write("files/broken.tgz", "this is no archive");
  for (const auto& [name, cause] : {std::pair("broken.tgz", Cause::bad_data), std::pair("missing.txt", Cause::input)}) {
    try {
      const JobDirectory job(root_ / "tmp", job_with({{name, "x", true}}), {});
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.cause(), cause) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(name));
    }
  }
  EXPECT_TRUE(fs::is_empty(root_ / "tmp"));
}

TEST_F(JobDirectoryTest, KeepsLogsWhenAsked) {
  fs::path logs;
  {
    JobDirectory job(root_ / "tmp", {}, {});
    logs = job.logs();
    std::ofstream(logs / "attempt_1") << "hello";
    fs::create_directories(job.path() / "attempts");
    job.keep_logs();
  }
  EXPECT_EQ(read(logs / "attempt_1"), "hello");
  EXPECT_FALSE(fs::exists(logs.parent_path() / "attempts"));
}

}  // namespace
}  // namespace millrace::jobs::stream
