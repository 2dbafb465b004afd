#include "dataset/machine.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace millrace::dataset {
namespace {

class MachineTest : public ::testing::Test {
 protected:
  MachineTest() {
    std::string name = ::testing::TempDir() + "machine_test_XXXXXX";
    root_ = mkdtemp(name.data());
  }
  ~MachineTest() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }

  std::string root_;
};

TEST_F(MachineTest, WithoutControlGroupsTheWholeMachineCounts) {
  EXPECT_GE(usable_processors(root_), 1u);
  EXPECT_GT(usable_memory_bytes(root_), 16u << 20);
}

TEST_F(MachineTest, TheTightestLimitOnTheWayUpBinds) {
  write("/proc/self/cgroup", "0::/slice/job\n");
  write("/sys/fs/cgroup/slice/job/memory.max", "max\n");
  write("/sys/fs/cgroup/slice/memory.max", "33554432\n");
  write("/sys/fs/cgroup/slice/job/cpu.max", "max 100000\n");
  write("/sys/fs/cgroup/slice/cpu.max", "50000 100000\n");
  EXPECT_EQ(usable_memory_bytes(root_), 33554432u);
  EXPECT_EQ(usable_processors(root_), 1u);
}

TEST_F(MachineTest, ReadsVersionOneHierarchies) {
  write("/proc/self/cgroup", "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n");
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "67108864\n");
  write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "90000\n");
  write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(usable_memory_bytes(root_), 67108864u);
  EXPECT_EQ(usable_processors(root_), 1u);
}

}  // namespace
}  // namespace millrace::dataset
