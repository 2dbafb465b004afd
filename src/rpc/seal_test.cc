#include "rpc/seal.h"

#include <gtest/gtest.h>
#include <vector>

namespace millrace::rpc {
namespace {

std::vector<std::byte> bytes(std::size_t size) { return std::vector<std::byte>(size, std::byte{7}); }

TEST(SealTest, OpensForThoseWhoKnowTheSecret) {
  const Secret secret = make_secret();
  auto message = bytes(1000);
  auto sealed = bytes(message.size() + Seal::overhead);
  Seal(secret).close(message, sealed);
  auto opened = bytes(0);
  opened.resize(message.size());
  EXPECT_TRUE(Seal::open(secret, sealed, opened));
  EXPECT_EQ(opened, message);
  EXPECT_FALSE(Seal::open(make_secret(), sealed, opened));
}

TEST(SealTest, NoBitOfItCanBeChanged) {
  const Secret secret = make_secret();
  const auto message = bytes(20);
  auto sealed = bytes(message.size() + Seal::overhead);
  Seal(secret).close(message, sealed);
  auto opened = message;
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] ^= std::byte{0x10};
    EXPECT_FALSE(Seal::open(secret, changed, opened)) << "byte " << i;
  }
  EXPECT_FALSE(Seal::open(secret, std::span(sealed).first(sealed.size() - 1), opened));
}

TEST(SealTest, TheSameMessageLooksDifferentEachTime) {
  const Secret secret = make_secret();
  const auto message = bytes(20);
  auto first = bytes(message.size() + Seal::overhead);
  auto second = first;
  Seal(secret).close(message, first);
  Seal(secret).close(message, second);
  EXPECT_NE(first, second);
}

}  // namespace
}  // namespace millrace::rpc
