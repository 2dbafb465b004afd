#include "dataset/captured.h"

#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <sys/mman.h>
#include <thread>
#include <vector>

namespace millrace::dataset {
namespace {

std::vector<std::byte> bytes_of(std::uint64_t word) {
  std::vector<std::byte> bytes(sizeof word);
  std::memcpy(bytes.data(), &word, sizeof word);
  return bytes;
}

bool is_address(const void* at) { return holds_address(bytes_of(reinterpret_cast<std::uintptr_t>(at))); }

int in_the_data = 1;

TEST(Captured, AddressesOfThisProcess) {
  int on_the_stack = 0;
  const auto on_the_heap = std::make_unique<int>();
  const auto large = std::make_unique<char[]>(std::size_t{8} << 20);
  EXPECT_TRUE(is_address(&on_the_stack));
  EXPECT_TRUE(is_address(on_the_heap.get()));
  EXPECT_TRUE(is_address(large.get() + 5000000));
  EXPECT_TRUE(is_address(&in_the_data));
  EXPECT_TRUE(is_address(reinterpret_cast<const void*>(&bytes_of)));
  EXPECT_TRUE(is_address("text"));
}

TEST(Captured, AddressesOfAnotherThreadsStack) {
  std::thread([] {
    int on_its_stack = 0;
    EXPECT_TRUE(is_address(&on_its_stack));
  }).join();
}

TEST(Captured, OnlyWhatIsMappedIsAnAddress) {
  void* at = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_TRUE(is_address(at));
  munmap(at, 4096);
  EXPECT_FALSE(is_address(at));
}

TEST(Captured, AnyWordOfManyBytes) {
  int on_the_stack = 0;
  std::vector<std::byte> bytes(64);
  EXPECT_FALSE(holds_address(bytes));
  const auto word = bytes_of(reinterpret_cast<std::uintptr_t>(&on_the_stack));
  for (const std::size_t at : {0, 8, 56}) {
    auto with = bytes;
    std::copy(word.begin(), word.end(), with.begin() + static_cast<std::ptrdiff_t>(at));
    EXPECT_TRUE(holds_address(with)) << at;
  }
}

TEST(Captured, NumbersAreNone) {
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{65535}, std::uint64_t{1000000}, std::uint64_t{3000000000},
        std::uint64_t{1000000000000}, std::uint64_t{1} << 47, ~std::uint64_t{0}}) {
    EXPECT_FALSE(holds_address(bytes_of(value))) << value;
  }
  EXPECT_FALSE(holds_address({}));
  EXPECT_FALSE(holds_address(std::vector<std::byte>(7, std::byte{0x7f})));
}

}  // namespace
}  // namespace millrace::dataset
