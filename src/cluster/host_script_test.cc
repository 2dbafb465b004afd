#include "cluster/host_script.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <sodium.h>
#include <sys/stat.h>

#include "cluster/program.h"

namespace millrace::cluster {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A home of its own, where the script runs as ssh would have it run; the executable is a script, too.
class HostScriptTest : public ::testing::Test {
 protected:
  HostScriptTest() {
    std::string name = ::testing::TempDir() + "host_script_XXXXXX";
    home_ = mkdtemp(name.data());
    executable_.path = "/nowhere/a program";
    executable_.build = "0123abcd";
    set_program(
        "#!/bin/sh\npwd >&3\nfor word; do printf '<%s>' \"$word\" >&3; done\nprintf ' as %s, told ' "
        "\"$MILLRACE_EXECUTOR\" >&3\ncat <&4 >&3\n");
  }
  ~HostScriptTest() override { std::filesystem::remove_all(home_); }

  void set_program(const std::string& text) {
    program_ = text;
    executable_.bytes = text.size();
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    executable_.sha256.clear();
    for (const unsigned char byte : hash) {
      char two[3];
      std::snprintf(two, sizeof two, "%02x", byte);
      executable_.sha256 += two;
    }
  }

  // What the host says when the driver sends the script, and this behind it.
  std::string run(const std::string& sent, const std::vector<std::string>& arguments = {"program"}) {
    const std::string script = host_script(executable_, directory_, arguments);
    std::ofstream(home_ / "sent", std::ios::binary) << script << sent;
    // Through a pipe: a shell may read ahead in a file, and go back.
    const std::string command = "cd / && unset XDG_CACHE_HOME && export HOME=" + shell_quoted(home_.string()) +
                                " && cat " + shell_quoted((home_ / "sent").string()) + " | (" +
                                host_command(script.size()) + ") 2>&1";
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
    std::string out;
    for (int c = 0; (c = std::fgetc(pipe.get())) != EOF;) out += static_cast<char>(c);
    std::filesystem::remove(home_ / "sent");
    return out;
  }

  std::filesystem::path copy() const { return home_ / ".cache/millrace/hosts/0123abcd/a program"; }

  std::filesystem::path home_;
  std::string directory_ = "/usr";
  std::string program_;
  Executable executable_;
};

TEST_F(HostScriptTest, AsksForTheProgramOnceAndBecomesIt) {
  EXPECT_EQ(run(program_ + "the seat"), "millrace-host:need\nmillrace-host:have\n/usr\n as host, told the seat");
  EXPECT_EQ(content_of(copy()), program_);
  struct stat status {};
  ASSERT_EQ(stat(copy().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0700u);
  EXPECT_EQ(run("the seat"), "millrace-host:have\n/usr\n as host, told the seat");
}

TEST_F(HostScriptTest, TakesItFromTheSamePathWhenItIsTheSame) {
  executable_.path = (home_ / "it's here").string();
  std::ofstream(executable_.path, std::ios::binary) << program_;
  chmod(executable_.path.c_str(), 0755);
  EXPECT_EQ(run(""), "millrace-host:have\n/usr\n as host, told ");
  std::string other = program_;
  other.back() = ' ';
  std::ofstream(executable_.path, std::ios::binary) << other;
  EXPECT_THAT(run(program_), StartsWith("millrace-host:need\n")) << "as long, but another program";
}

TEST_F(HostScriptTest, ArgumentsArriveAsTheyAre) {
  const std::string odd = "it's \"$HOME\" `reboot` \\ \n * \xc3\xa9";
  EXPECT_THAT(run(program_, {"program", odd, "", "-n", "--hosts=a,b"}), HasSubstr("<" + odd + "><><-n><--hosts=a,b>"));
}

TEST_F(HostScriptTest, AProgramThatDoesNotArriveWholeIsNotKept) {
  EXPECT_THAT(run(program_.substr(0, program_.size() - 1)),
              HasSubstr("millrace-host:refuse the program did not arrive"));
  std::string changed = program_;
  changed[5] ^= 1;
  EXPECT_THAT(run(changed), HasSubstr("millrace-host:refuse the program did not arrive"));
  EXPECT_TRUE(std::filesystem::is_empty(copy().parent_path()));
}

TEST_F(HostScriptTest, OldProgramsGo) {
  const std::filesystem::path old = copy().parent_path().parent_path() / "ffff";
  std::filesystem::create_directories(old);
  std::filesystem::last_write_time(old, std::filesystem::file_time_type::clock::now() - std::chrono::hours(24 * 40));
  run(program_);
  EXPECT_FALSE(std::filesystem::exists(old));
  EXPECT_TRUE(std::filesystem::exists(copy()));
}

TEST_F(HostScriptTest, RefusesWhatItCannotDo) {
  directory_ = "/nowhere";
  EXPECT_THAT(run(program_), StartsWith("millrace-host:refuse it does not see the directory /nowhere"));
  directory_ = "/usr";
  std::ofstream(home_ / ".cache") << "no directory";
  EXPECT_THAT(run(program_), HasSubstr("millrace-host:refuse the program cannot be kept in " + home_.string()));
}

TEST(HostWordTest, KnowsTheScriptsWords) {
  EXPECT_EQ(host_word_of("millrace-host:need").kind, HostWord::Kind::need);
  EXPECT_EQ(host_word_of("millrace-host:have").kind, HostWord::Kind::have);
  const HostWord refusal = host_word_of("millrace-host:refuse it is full");
  EXPECT_EQ(refusal.kind, HostWord::Kind::refuse);
  EXPECT_EQ(refusal.text, "it is full");
  for (const char* line :
       {"", "Welcome to a!", "millrace-host:", "millrace-host:needs", "millrace-host:have ", " need"}) {
    EXPECT_EQ(host_word_of(line).kind, HostWord::Kind::other) << line;
  }
}

TEST(OwnExecutableTest, IsThisTest) {
  const Executable own = own_executable();
  EXPECT_EQ(own.bytes, std::filesystem::file_size(own.path));
  EXPECT_EQ(own.sha256.size(), 64u);
}

}  // namespace
}  // namespace millrace::cluster
