#include "rpc/frame.h"

#include <gtest/gtest.h>
#include <random>
#include <thread>

#include "rpc/messages.h"

namespace millrace::rpc {
namespace {

struct Pair {
  Listener listener{{"127.0.0.1", 0}};
  Socket client = Socket::connect(listener.address(), Socket::Timeout{2000});
  Socket server = listener.accept();
};

Join some_join() {
  Join join;
  join.build = "abc";
  join.host = "n1";
  join.block_port = 4711;
  join.ticket = 3;
  return join;
}

std::vector<std::byte> payload_of(const std::vector<std::byte>& frame) {
  return {frame.begin() + frame_header_bytes, frame.end()};
}

TEST(FrameTest, AMessageComesBackAsItWas) {
  Pair pair;
  pair.client.send(frame(some_join()));
  Frame received;
  ASSERT_TRUE(receive_frame(pair.server, received, Socket::Timeout{2000}));
  ASSERT_EQ(received.kind, Join::kind);
  const auto join = decode_message<Join>(received.payload);
  EXPECT_EQ(join.build, "abc");
  EXPECT_EQ(join.block_port, 4711);
  EXPECT_EQ(join.ticket, 3u);
}

TEST(FrameTest, TheEndOfAStreamIsNoError) {
  Pair pair;
  pair.client = {};
  Frame received;
  EXPECT_FALSE(receive_frame(pair.server, received, Socket::Timeout{2000}));
}

TEST(FrameTest, AStreamThatEndsInAMessageIsOne) {
  Pair pair;
  const auto bytes = frame(some_join());
  pair.client.send(std::span(bytes).first(bytes.size() - 1));
  pair.client = {};
  Frame received;
  EXPECT_THROW(receive_frame(pair.server, received, Socket::Timeout{2000}), Error);
}

TEST(FrameTest, SilenceIsAnErrorAfterItsTime) {
  Pair pair;
  Frame received;
  try {
    receive_frame(pair.server, received, Socket::Timeout{50});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.cause(), Cause::lost_node);
  }
}

TEST(FrameTest, ALengthBeyondTheLimitIsRefused) {
  Pair pair;
  const std::array<std::byte, frame_header_bytes> header = {std::byte{0xff}, std::byte{0xff}, std::byte{0xff},
                                                            std::byte{0xff}, std::byte{1}};
  pair.client.send(header);
  Frame received;
  EXPECT_THROW(receive_frame(pair.server, received, Socket::Timeout{2000}), Error);
  FrameBuffer buffer;
  std::memcpy(buffer.room().data(), header.data(), header.size());
  buffer.received(header.size());
  std::uint8_t kind = 0;
  std::span<const std::byte> payload;
  EXPECT_THROW(buffer.next(kind, payload), Error);
}

TEST(FrameTest, ABufferCutsMessagesOutOfPiecesOfAnySize) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::vector<std::byte> stream;
  constexpr std::uint32_t messages = 200;
  for (std::uint32_t i = 0; i < messages; ++i) {
    Lost lost{i, std::string(random() % 5000, 'x')};
    append_frame(stream, lost);
  }
  FrameBuffer buffer;
  std::uint32_t next = 0;
  for (std::size_t at = 0; at < stream.size();) {
    const auto room = buffer.room();
    const std::size_t count = std::min({stream.size() - at, room.size(), std::size_t{1} + random() % 9000});
    std::memcpy(room.data(), stream.data() + at, count);
    buffer.received(count);
    at += count;
    std::uint8_t kind = 0;
    for (std::span<const std::byte> payload; buffer.next(kind, payload);) {
      EXPECT_EQ(kind, Lost::kind);
      EXPECT_EQ(decode_message<Lost>(payload).map_task, next++);
    }
  }
  EXPECT_EQ(next, messages);
}

TEST(FrameTest, MoreThanTheMessageIsRefused) {
  auto bytes = payload_of(frame(some_join()));
  bytes.push_back(std::byte{0});
  EXPECT_THROW(decode_message<Join>(bytes), Error);
  bytes.resize(bytes.size() - 2);
  EXPECT_THROW(decode_message<Join>(bytes), Error);
}

}  // namespace
}  // namespace millrace::rpc
