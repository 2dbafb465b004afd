#include "cluster/succession.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <millrace/error.h>

namespace millrace::cluster {
namespace {

class SuccessionTest : public testing::Test {
 protected:
  SuccessionTest() {
    std::string pattern = testing::TempDir() + "successionXXXXXX";
    directory_ = mkdtemp(pattern.data());
    std::filesystem::create_directory(directory_ + "/executors");
  }
  ~SuccessionTest() override {
    for (const pid_t child : children_) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
    std::filesystem::remove_all(directory_);
  }

  // A process that is executor `id`, once it has its lock.
  pid_t start_executor(std::uint32_t id) {
    int ready[2];
    if (pipe(ready) != 0) return -1;
    const pid_t child = fork();
    if (child == 0) {
      Succession(directory_).enter(ExecutorId{id});
      const ssize_t written = write(ready[1], "", 1);
      while (written == 1) pause();
      _exit(1);
    }
    char byte = 0;
    EXPECT_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    children_.push_back(child);
    return child;
  }

  std::string directory_;
  std::vector<pid_t> children_;
};

TEST_F(SuccessionTest, TheSecretIsOneForAllLivesAndForItsOwnerAlone) {
  const rpc::Secret first = Succession(directory_).secret();
  EXPECT_EQ(Succession(directory_).secret(), first);
  struct stat seen {};
  ASSERT_EQ(stat((directory_ + "/secret").c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 0777, 0600u);
}

TEST_F(SuccessionTest, ASecretThatOthersMayReadIsRefused) {
  Succession(directory_).secret();
  for (const mode_t mode : {0640, 0604, 0620}) {
    chmod((directory_ + "/secret").c_str(), mode);
    EXPECT_THROW(Succession(directory_).secret(), Error) << mode;
  }
}

TEST_F(SuccessionTest, ASecretThatLiesElsewhereIsRefused) {
  Succession(directory_).secret();
  std::filesystem::rename(directory_ + "/secret", directory_ + "/elsewhere");
  std::filesystem::create_symlink(directory_ + "/elsewhere", directory_ + "/secret");
  EXPECT_THROW(Succession(directory_).secret(), Error);
}

TEST_F(SuccessionTest, ANoticeIsWholeOrNotThere) {
  const Succession succession(directory_);
  EXPECT_FALSE(succession.announced());
  succession.announce({3, true, {"fe80::1", 4711}});
  const auto notice = succession.announced();
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->life, 3u);
  EXPECT_TRUE(notice->tls);
  EXPECT_EQ(notice->address, (rpc::Address{"fe80::1", 4711}));
  std::ofstream(directory_ + "/driver") << "4 plain 127.0.0.1 47";
  EXPECT_FALSE(succession.announced());
}

TEST_F(SuccessionTest, SurvivorsAreThoseWhoseProcessesLive) {
  const Succession succession(directory_);
  const pid_t first = start_executor(2);
  start_executor(7);
  std::ofstream(directory_ + "/executors/5") << "of one that has died";
  std::ofstream(directory_ + "/executors/notes") << "is no executor's";
  auto survivors = succession.survivors();
  ASSERT_EQ(survivors.size(), 2u);
  EXPECT_TRUE(survivors.contains(ExecutorId{2}));
  EXPECT_TRUE(survivors.contains(ExecutorId{7}));
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/executors/5"));
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/executors/notes"));
  ASSERT_TRUE(survivors.at(ExecutorId{2}).process);
  kill(first, SIGKILL);
  pollfd end{survivors.at(ExecutorId{2}).process.get(), POLLIN, 0};
  EXPECT_EQ(poll(&end, 1, 60000), 1) << "its end is not seen";
  EXPECT_FALSE(succession.lives(ExecutorId{2}));
  EXPECT_TRUE(succession.lives(ExecutorId{7}));
  EXPECT_EQ(succession.survivors().size(), 1u);
}

TEST_F(SuccessionTest, AProcessOfAnotherMachineIsNotTakenForOneOfThis) {
  const Succession succession(directory_);
  start_executor(1);
  std::ofstream(directory_ + "/executors/1") << "another-boot-id 4026531836\n";
  const auto survivors = succession.survivors();
  ASSERT_TRUE(survivors.contains(ExecutorId{1}));
  EXPECT_FALSE(survivors.at(ExecutorId{1}).process);
}

TEST_F(SuccessionTest, TheRunIsOverWhenItsDirectoryHasGone) {
  const Succession succession(directory_);
  EXPECT_TRUE(succession.there());
  std::filesystem::remove_all(directory_);
  EXPECT_FALSE(succession.there());
}

}  // namespace
}  // namespace millrace::cluster
