#include "storage/commit.h"

#include <atomic>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "storage/faulty_file_system.h"
#include "storage/local_file_system.h"
#include "storage/memory_file_system.h"
#include "storage/testing.h"

namespace millrace::storage {
namespace {

using ::testing::ElementsAre;
using testing::exists;
using testing::expect_error;
using testing::paths_of;
using testing::read_file;
using testing::write_file;

void run_task(OutputCommit& commit, FileSystem& files, std::uint32_t partition, std::uint32_t attempt,
              const std::string& text) {
  const std::string directory = commit.attempt_directory(partition, attempt);
  write_file(files, directory + "/" + part_name(partition), text);
  write_file(files, directory + "/side-" + std::to_string(partition), "side of " + text);
}

class OutputCommitTest : public ::testing::Test {
 protected:
  OutputCommitTest() { files_.make_directories("/data"); }

  void write_old_output() {
    files_.make_directories("/data/out");
    write_file(files_, "/data/out/part-00000", "old");
    write_file(files_, "/data/out/_SUCCESS", "");
  }
  void expect_old_output_alone() {
    EXPECT_THAT(paths_of(files_.list("/data")), ElementsAre("/data/out"));
    EXPECT_THAT(paths_of(files_.list("/data/out")), ElementsAre("/data/out/_SUCCESS", "/data/out/part-00000"));
    EXPECT_EQ(read_file(files_, "/data/out/part-00000"), "old");
  }
  void expect_new_output() {
    EXPECT_THAT(paths_of(files_.list("/data/out")),
                ElementsAre("/data/out/_SUCCESS", "/data/out/part-00000", "/data/out/part-00001", "/data/out/side-0",
                            "/data/out/side-1"));
    EXPECT_EQ(read_file(files_, "/data/out/part-00000"), "new 0");
    EXPECT_EQ(read_file(files_, "/data/out/side-1"), "side of new 1");
  }

  MemoryFileSystem files_;
};

/// A whole job of two tasks, the first of which has a second attempt.
void run_job(OutputCommit& commit, FileSystem& files) {
  commit.set_up_job();
  run_task(commit, files, 0, 0, "new 0");
  run_task(commit, files, 0, 1, "speculated 0");
  run_task(commit, files, 1, 0, "failed 1");
  commit.abort_task(1, 0);
  run_task(commit, files, 1, 1, "new 1");
  EXPECT_TRUE(commit.commit_task(1, 1));
  EXPECT_TRUE(commit.commit_task(0, 0));
  EXPECT_FALSE(commit.commit_task(0, 1));
  commit.commit_job();
}

TEST_F(OutputCommitTest, NothingIsSeenUntilTheJobCommits) {
  OutputCommit commit(files_, "/data/out/", false, "t1");
  commit.set_up_job();
  EXPECT_EQ(commit.temporary_directory(), "/data/.out.t1.tmp");
  run_task(commit, files_, 0, 0, "new 0");
  run_task(commit, files_, 1, 0, "new 1");
  EXPECT_TRUE(commit.commit_task(0, 0));
  EXPECT_TRUE(commit.is_committed(0));
  EXPECT_FALSE(commit.is_committed(1));
  EXPECT_TRUE(commit.commit_task(1, 0));
  EXPECT_FALSE(exists(files_, "/data/out"));
  commit.commit_job();
  expect_new_output();
  EXPECT_THAT(paths_of(files_.list("/data")), ElementsAre("/data/out"));
}

TEST_F(OutputCommitTest, TheFirstAttemptWinsAndTheSecondLeavesNothing) {
  OutputCommit commit(files_, "/data/out", false, "t");
  run_job(commit, files_);
  expect_new_output();
}

TEST_F(OutputCommitTest, AnAttemptThatWroteNothingWinsAsWell) {
  OutputCommit commit(files_, "/data/out", false, "t");
  commit.set_up_job();
  commit.attempt_directory(0, 0);
  EXPECT_TRUE(commit.commit_task(0, 0));
  EXPECT_TRUE(commit.commit_task(0, 0)) << "asking again is not a second attempt";
  run_task(commit, files_, 0, 1, "late");
  EXPECT_FALSE(commit.commit_task(0, 1));
  commit.commit_job();
  EXPECT_THAT(paths_of(files_.list("/data/out")), ElementsAre("/data/out/_SUCCESS"));
}

TEST_F(OutputCommitTest, AttemptsInOtherProcessesCannotBothWin) {
  // Another process does not share the object, only the directory.
  OutputCommit one(files_, "/data/out", false, "t");
  OutputCommit other(files_, "/data/out", false, "t");
  one.set_up_job();
  other.set_up_job();
  one.attempt_directory(0, 0);
  run_task(other, files_, 0, 1, "late");
  EXPECT_TRUE(one.commit_task(0, 0));
  expect_error(Cause::output, {"/tasks/0"}, [&] { other.commit_task(0, 1); });
}

TEST_F(OutputCommitTest, OneOfManyThreadsWins) {
  OutputCommit commit(files_, "/data/out", false, "t");
  commit.set_up_job();
  std::atomic<int> winners{0};
  std::vector<std::thread> threads;
  for (std::uint32_t attempt = 0; attempt < 8; ++attempt) {
    threads.emplace_back([&, attempt] {
      run_task(commit, files_, 3, attempt, "by " + std::to_string(attempt));
      winners += commit.commit_task(3, attempt) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(winners, 1);
  commit.commit_job();
  EXPECT_EQ(files_.list("/data/out").size(), 3u);
}

TEST_F(OutputCommitTest, AnOutputThatExistsIsRefusedBeforeAnyWork) {
  write_old_output();
  OutputCommit commit(files_, "/data/out", false, "t");
  expect_error(Cause::output, {"/data/out", "--overwrite"}, [&] { commit.set_up_job(); });
  expect_old_output_alone();
}

TEST_F(OutputCommitTest, AnOutputThatCameMeanwhileIsNotReplaced) {
  OutputCommit commit(files_, "/data/out", false, "t");
  commit.set_up_job();
  write_old_output();
  expect_error(Cause::output, {"/data/out"}, [&] { commit.commit_job(); });
  commit.abort_job();
  expect_old_output_alone();
}

TEST_F(OutputCommitTest, OverwriteReplacesOnlyAtTheEnd) {
  for (const bool can_exchange : {true, false}) {
    write_old_output();
    FaultyFileSystem faulty(files_);
    if (!can_exchange) faulty.add_rule({Fault::unsupported});
    OutputCommit commit(faulty, "/data/out", true, "t");
    commit.set_up_job();
    run_task(commit, files_, 0, 0, "new 0");
    run_task(commit, files_, 1, 0, "new 1");
    commit.commit_task(0, 0);
    commit.commit_task(1, 0);
    EXPECT_EQ(read_file(files_, "/data/out/part-00000"), "old");
    commit.commit_job();
    expect_new_output();
    EXPECT_THAT(paths_of(files_.list("/data")), ElementsAre("/data/out"));
    files_.remove_all("/data/out");
  }
}

TEST_F(OutputCommitTest, OverwriteReplacesAFileAsWell) {
  write_file(files_, "/data/out", "a file");
  OutputCommit commit(files_, "/data/out", true, "t");
  run_job(commit, files_);
  expect_new_output();
}

TEST_F(OutputCommitTest, AFailureAtAnyStepLeavesTheOldOutputAndNothingElse) {
  for (const Fault fault : {Fault::error, Fault::out_of_disk, Fault::torn_write}) {
    for (const bool can_exchange : {true, false}) {
      bool succeeded = false;
      for (std::uint64_t step = 0; !succeeded; ++step) {
        SCOPED_TRACE(::testing::Message() << "call " << step << " fails, exchange " << can_exchange);
        ASSERT_LT(step, 500u);
        write_old_output();
        FaultyFileSystem faulty(files_);
        if (!can_exchange) faulty.add_rule({Fault::unsupported});
        faulty.add_rule({fault, {}, "", step, 1});
        const std::uint64_t before = faulty.calls();
        OutputCommit commit(faulty, "/data/out", true, "t");
        bool failed = false;
        try {
          run_job(commit, faulty);
        } catch (const Error&) {
          failed = true;
        }
        succeeded = faulty.calls() - before < step;
        faulty.heal();
        commit.abort_job();
        if (failed) {
          expect_old_output_alone();
        } else {
          expect_new_output();
          EXPECT_THAT(paths_of(files_.list("/data")), ElementsAre("/data/out"));
        }
        files_.remove_all("/data/out");
      }
    }
  }
}

TEST_F(OutputCommitTest, AFileSystemThatDiesAtAnyStepLosesNoOldOutput) {
  for (const bool can_exchange : {true, false}) {
    bool succeeded = false;
    for (std::uint64_t step = 0; !succeeded; ++step) {
      SCOPED_TRACE(::testing::Message() << "all calls from " << step << " on fail, exchange " << can_exchange);
      write_old_output();
      FaultyFileSystem faulty(files_);
      if (!can_exchange) faulty.add_rule({Fault::unsupported});
      faulty.add_rule({Fault::error, {}, "", step});
      OutputCommit commit(faulty, "/data/out", true, "t");
      std::string problem;
      try {
        run_job(commit, faulty);
      } catch (const Error& error) {
        problem = error.what();
      }
      succeeded = faulty.calls() < step;
      EXPECT_NO_THROW(commit.abort_task(1, 0));
      EXPECT_NO_THROW(commit.abort_job());
      faulty.heal();
      commit.abort_job();
      if (problem.empty()) {
        expect_new_output();
      } else if (problem.find("the old output is now /data/.out.t.tmp/old") != std::string::npos) {
        EXPECT_FALSE(can_exchange);
        EXPECT_EQ(read_file(files_, "/data/.out.t.tmp/old/part-00000"), "old");
        EXPECT_EQ(files_.list("/data/.out.t.tmp").size(), 1u);
      } else {
        expect_old_output_alone();
      }
      files_.remove_all("/data/out");
      files_.remove_all("/data/.out.t.tmp");
    }
  }
}

TEST_F(OutputCommitTest, AParentThatCannotBeWrittenIsKnownBeforeAnyWork) {
  FaultyFileSystem faulty(files_);
  faulty.add_rule({Fault::out_of_disk, FileOperation::make_directories});
  OutputCommit commit(faulty, "/data/out", false, "t");
  expect_error(Cause::out_of_disk, {"/data/.out.t.tmp"}, [&] { commit.set_up_job(); });
  write_file(files_, "/data/file", "");
  OutputCommit below_a_file(files_, "/data/file/out", false, "t");
  expect_error(Cause::output, {"/data/file", "Not a directory"}, [&] { below_a_file.set_up_job(); });
}

TEST_F(OutputCommitTest, SideEffectFilesOfTheSameNameAreAnError) {
  OutputCommit commit(files_, "/data/out", false, "t");
  commit.set_up_job();
  for (std::uint32_t partition : {0u, 1u}) {
    const std::string directory = commit.attempt_directory(partition, 0);
    files_.make_directories(directory + "/by-day");
    write_file(files_, directory + "/by-day/" + std::to_string(partition), "x");
    write_file(files_, directory + "/by-day/same", "x");
    EXPECT_TRUE(commit.commit_task(partition, 0));
  }
  expect_error(Cause::output, {"/data/out", "by-day/same"}, [&] { commit.commit_job(); });
  commit.abort_job();
  EXPECT_TRUE(files_.list("/data").empty());
}

TEST_F(OutputCommitTest, DirectoriesOfSeveralTasksAreMerged) {
  OutputCommit commit(files_, "/data/out", false, "t");
  commit.set_up_job();
  for (std::uint32_t partition : {0u, 1u}) {
    const std::string directory = commit.attempt_directory(partition, 0);
    files_.make_directories(directory + "/by-day");
    write_file(files_, directory + "/by-day/" + std::to_string(partition), "x");
    commit.commit_task(partition, 0);
  }
  commit.commit_job();
  EXPECT_THAT(paths_of(files_.list("/data/out/by-day")), ElementsAre("/data/out/by-day/0", "/data/out/by-day/1"));
}

TEST_F(OutputCommitTest, AJobThatResumesKeepsWhatWasCommitted) {
  {
    OutputCommit commit(files_, "/data/out", false, "t");
    commit.set_up_job();
    run_task(commit, files_, 0, 0, "new 0");
    commit.commit_task(0, 0);
    run_task(commit, files_, 1, 0, "half");
  }
  OutputCommit commit(files_, "/data/out", false, "t");
  commit.set_up_job();
  EXPECT_TRUE(commit.is_committed(0));
  EXPECT_FALSE(commit.is_committed(1));
  run_task(commit, files_, 1, 0, "new 1");
  EXPECT_TRUE(commit.commit_task(1, 0));
  commit.commit_job();
  expect_new_output();
}

TEST_F(OutputCommitTest, AJobThatStoppedWhileItCommittedCanResume) {
  FaultyFileSystem faulty(files_);
  {
    OutputCommit commit(faulty, "/data/out", false, "t");
    faulty.add_rule({Fault::error, FileOperation::create, "_SUCCESS", 0, 1});
    expect_error(Cause::output, {"_SUCCESS"}, [&] { run_job(commit, faulty); });
  }
  OutputCommit commit(faulty, "/data/out", false, "t");
  commit.set_up_job();
  EXPECT_TRUE(commit.is_committed(0));
  EXPECT_TRUE(commit.is_committed(1));
  commit.commit_job();
  expect_new_output();
}

TEST_F(OutputCommitTest, SomeNamesCannotBeOutputs) {
  for (const char* directory : {"", "/", ".", "..", "/data/..", "./."}) {
    expect_error(Cause::output, {directory}, [&] { OutputCommit(files_, directory, false, "t"); });
  }
}

TEST(OutputCommitLocal, CommitsTwiceToTheSameDirectory) {
  testing::TemporaryDirectory directory;
  for (const bool overwrite : {false, true}) {
    OutputCommit commit(local_file_system(), directory.path() + "/made/out", overwrite, "t");
    run_job(commit, local_file_system());
    EXPECT_EQ(read_file(local_file_system(), directory.path() + "/made/out/part-00001"), "new 1");
    EXPECT_EQ(local_file_system().list(directory.path() + "/made").size(), 1u);
  }
}

/// A process that dies somewhere in a job, and another one that goes on with it.
class ResumableCommitTest : public OutputCommitTest {};

TEST_F(ResumableCommitTest, WhatIsCommittedStaysAndWhatAttemptsWroteGoes) {
  {
    OutputCommit first(files_, "/data/out", false, "run");
    first.make_resumable();
    first.set_up_job();
    run_task(first, files_, 0, 0, "new 0");
    ASSERT_TRUE(first.commit_task(0, 0));
    run_task(first, files_, 1, 0, "half of 1");
  }
  OutputCommit second(files_, "/data/out", false, "run");
  second.make_resumable();
  second.set_up_job();
  EXPECT_THAT(second.committed(), ElementsAre(0u));
  EXPECT_TRUE(second.has_attempt(1, 0));
  EXPECT_FALSE(second.has_attempt(1, 1));
  second.drop_attempts({});
  EXPECT_FALSE(exists(files_, second.attempt_path(1, 0)));
  run_task(second, files_, 1, 65536, "new 1");
  ASSERT_TRUE(second.commit_task(1, 65536));
  second.commit_job();
  second.clean_up();
  expect_new_output();
  EXPECT_THAT(paths_of(files_.list("/data")), ElementsAre("/data/out"));
}

TEST_F(ResumableCommitTest, AnAttemptThatStillRunsKeepsWhatItWrites) {
  OutputCommit first(files_, "/data/out", false, "run");
  first.make_resumable();
  first.set_up_job();
  run_task(first, files_, 0, 7, "half of 0");
  run_task(first, files_, 1, 7, "half of 1");
  OutputCommit second(files_, "/data/out", false, "run");
  second.make_resumable();
  second.set_up_job();
  second.drop_attempts({{0, 7}, {3, 1}});
  EXPECT_TRUE(second.has_attempt(0, 7));
  EXPECT_FALSE(second.has_attempt(1, 7));
}

TEST_F(ResumableCommitTest, ATaskThatIsTakenBackRunsAgain) {
  OutputCommit commit(files_, "/data/out", false, "run");
  commit.make_resumable();
  commit.set_up_job();
  run_task(commit, files_, 0, 0, "old 0");
  ASSERT_TRUE(commit.commit_task(0, 0));
  commit.take_back(0);
  EXPECT_FALSE(commit.is_committed(0));
  run_task(commit, files_, 0, 1, "new 0");
  run_task(commit, files_, 1, 0, "new 1");
  ASSERT_TRUE(commit.commit_task(0, 1));
  ASSERT_TRUE(commit.commit_task(1, 0));
  commit.commit_job();
  commit.clean_up();
  expect_new_output();
}

// No call comes through after so many, as none does of a process that was killed.
TEST_F(ResumableCommitTest, AProcessMayDieAtAnyStepOfTheCommit) {
  for (const bool overwrite : {false, true}) {
    bool completed = false;
    for (std::uint64_t step = 1; !completed; ++step) {
      files_.remove_all("/data");
      files_.make_directories("/data");
      if (overwrite) write_old_output();
      FaultyFileSystem dying(files_);
      OutputCommit first(dying, "/data/out", overwrite, "run");
      first.make_resumable();
      first.set_up_job();
      for (std::uint32_t task = 0; task < 2; ++task) {
        run_task(first, dying, task, 0, "new " + std::to_string(task));
        ASSERT_TRUE(first.commit_task(task, 0));
      }
      FaultRule dead;
      dead.after = step;
      dying.add_rule(dead);
      try {
        first.commit_job();
        completed = true;
      } catch (const Error&) {
        completed = false;
      }
      OutputCommit second(files_, "/data/out", overwrite, "run");
      second.make_resumable();
      second.set_up_job();
      second.commit_job();
      second.clean_up();
      expect_new_output();
      EXPECT_THAT(paths_of(files_.list("/data")), ElementsAre("/data/out")) << "died at step " << step;
    }
  }
}

}  // namespace
}  // namespace millrace::storage
