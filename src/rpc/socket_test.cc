#include "rpc/socket.h"

#include <algorithm>
#include <atomic>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <poll.h>
#include <random>
#include <thread>
#include <unistd.h>
#include <vector>

#include <millrace/error.h>

#include "rpc/handshake.h"

namespace millrace::rpc {
namespace {

constexpr Socket::Timeout patience{20000};

std::vector<std::byte> random_bytes(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> out(size);
  std::generate(out.begin(), out.end(), [&] { return static_cast<std::byte>(random()); });
  return out;
}

StreamKey some_key(unsigned char of) {
  StreamKey key;
  key.fill(std::byte{of});
  return key;
}

/// Two ends of a stream, plain and encrypted.
class SocketTest : public testing::TestWithParam<bool> {
 protected:
  SocketTest() {
    Listener listener({"127.0.0.1", 0});
    auto accepted = std::async(std::launch::async, [&] {
      Socket socket = listener.accept();
      if (GetParam()) socket.encrypt(Tls::End::server, some_key(1), patience);
      return socket;
    });
    client_ = Socket::connect(listener.address(), patience);
    if (GetParam()) client_.encrypt(Tls::End::client, some_key(1), patience);
    server_ = accepted.get();
  }

  Socket client_;
  Socket server_;
};

INSTANTIATE_TEST_SUITE_P(, SocketTest, testing::Bool(),
                         [](const auto& tls) { return tls.param ? "Encrypted" : "Plain"; });

TEST_P(SocketTest, CarriesMuchInBothDirectionsAtOnce) {
  const auto there = random_bytes(8 << 20, 1);
  const auto back = random_bytes(8 << 20, 2);
  std::vector<std::byte> at_server(there.size());
  std::vector<std::byte> at_client(back.size());
  std::vector<std::thread> threads;
  threads.emplace_back([&] { client_.send(std::span(there).first(100), std::span(there).subspan(100), patience); });
  threads.emplace_back([&] { server_.send(back, patience); });
  threads.emplace_back([&] { server_.receive(at_server, patience); });
  threads.emplace_back([&] { client_.receive(at_client, patience); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(at_server, there);
  EXPECT_EQ(at_client, back);
}

TEST_P(SocketTest, SmallPiecesKeepTheirOrder) {
  std::vector<std::byte> sent;
  std::mt19937 random(3);
  std::thread sender([&] {
    for (int i = 0; i < 2000; ++i) {
      const auto first = random_bytes(random() % 50, random());
      const auto second = random_bytes(random() % 9000, random());
      client_.send(first, second, patience);
      sent.insert(sent.end(), first.begin(), first.end());
      sent.insert(sent.end(), second.begin(), second.end());
    }
    client_.shut_down();
  });
  std::vector<std::byte> got;
  for (std::byte byte; server_.receive_or_end(std::span(&byte, 1), patience);) {
    got.push_back(byte);
    std::vector<std::byte> more(777);
    if (const auto count = server_.receive_now(more))
      got.insert(got.end(), more.begin(), more.begin() + static_cast<std::ptrdiff_t>(*count));
  }
  sender.join();
  EXPECT_TRUE(got == sent) << got.size() << " of " << sent.size() << " bytes";
}

TEST_P(SocketTest, SendsPartsOfFiles) {
  const auto content = random_bytes(300000, 4);
  const std::string path = testing::TempDir() + "/socket_test_file";
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<std::byte> got(200000);
  std::thread sender([&] { client_.send_file(file.get(), 1234, got.size(), patience); });
  server_.receive(got, patience);
  sender.join();
  EXPECT_TRUE(std::equal(got.begin(), got.end(), content.begin() + 1234));
  std::vector<std::byte> rest(content.size() - 290000);
  std::thread reader([&] { server_.receive(rest, patience); });
  EXPECT_THROW(client_.send_file(file.get(), 290000, 20000, patience), Error) << "the file ends before";
  reader.join();
  std::filesystem::remove(path);
}

TEST_P(SocketTest, WhatTheNetworkDoesNotTakeNowIsSentLater) {
  const auto content = random_bytes(32 << 20, 5);
  std::size_t sent = client_.send_now(content);
  EXPECT_LT(sent, content.size()) << "nobody reads, so it cannot all be gone";
  std::vector<std::byte> got;
  std::vector<std::byte> room(100000);
  EXPECT_EQ(client_.receive_now(room), std::nullopt);
  while (got.size() < content.size()) {
    sent += client_.send_now(std::span(content).subspan(sent));
    pollfd readable{server_.descriptor(), POLLIN, 0};
    ASSERT_EQ(poll(&readable, 1, static_cast<int>(patience.count())), 1) << "what was sent wakes nobody";
    // As the driver's loop does: until a call gives less than there is room for.
    for (std::size_t count = room.size(); count == room.size();) {
      const auto now = server_.receive_now(room);
      if (!now) break;
      count = *now;
      got.insert(got.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(count));
    }
  }
  EXPECT_TRUE(got == content);
}

TEST_P(SocketTest, TheEndIsToldAndTheMiddleOfAMessageIsAnError) {
  client_.send(random_bytes(10, 6), patience);
  client_ = {};
  std::vector<std::byte> room(10);
  EXPECT_TRUE(server_.receive_or_end(room, patience));
  EXPECT_FALSE(server_.receive_or_end(room, patience));
  EXPECT_EQ(server_.receive_now(room), std::optional<std::size_t>(0));
}

TEST_P(SocketTest, AStreamThatBreaksOffIsAnError) {
  client_.send(random_bytes(10, 7), patience);
  client_ = {};
  std::vector<std::byte> room(11);
  EXPECT_THROW(server_.receive_or_end(room, patience), Error);
}

TEST_P(SocketTest, NothingIsWaitedForForever) {
  std::vector<std::byte> room(1);
  EXPECT_THROW(server_.receive(room, Socket::Timeout{30}), Error);
}

/// An end that encrypts, and one that does what it likes.
class EncryptionTest : public testing::Test {
 protected:
  std::string refusal(const std::function<void(Socket&)>& stranger) {
    Listener listener({"127.0.0.1", 0});
    auto server = std::async(std::launch::async, [&]() -> std::string {
      Socket socket = listener.accept();
      try {
        socket.encrypt(Tls::End::server, some_key(1), patience);
        return "let in";
      } catch (const Error& error) {
        EXPECT_EQ(error.cause(), Cause::lost_node);
        return error.what();
      }
    });
    Socket socket = Socket::connect(listener.address(), patience);
    try {
      stranger(socket);
    } catch (const Error&) {
      // It notices that it was turned away.
    }
    socket = {};
    return server.get();
  }
};

TEST_F(EncryptionTest, AnotherKeyIsRefused) {
  const std::string said = refusal([](Socket& socket) { socket.encrypt(Tls::End::client, some_key(2), patience); });
  EXPECT_NE(said.find("not encrypted by a member"), std::string::npos) << said;
}

TEST_F(EncryptionTest, WhoeverSpeaksNoTlsIsRefused) {
  const std::string said = refusal([](Socket& socket) {
    socket.send(random_bytes(4096, 8), patience);
    std::vector<std::byte> room(1);
    socket.receive(room, patience);
  });
  EXPECT_NE(said.find("not encrypted by a member"), std::string::npos) << said;
}

TEST_F(EncryptionTest, ASilentOneIsNotWaitedForForever) {
  Listener listener({"127.0.0.1", 0});
  const Socket silent = Socket::connect(listener.address(), patience);
  Socket socket = listener.accept();
  EXPECT_THROW(socket.encrypt(Tls::End::server, some_key(1), Socket::Timeout{30}), Error);
}

// Reads what two ends say to each other, and may change it.
class Eavesdropper {
 public:
  Eavesdropper() : listener_({"127.0.0.1", 0}) {}
  ~Eavesdropper() {
    a_.shut_down();
    b_.shut_down();
    for (std::thread& thread : threads_) thread.join();
  }
  const Address& address() const { return listener_.address(); }
  void connect(const Address& server) {
    b_ = Socket::connect(server, patience);
    a_ = listener_.accept();
    threads_.emplace_back([this] { forward(a_, b_); });
    threads_.emplace_back([this] { forward(b_, a_); });
  }
  std::string heard() {
    const std::lock_guard lock(mutex_);
    return heard_;
  }
  std::atomic<bool> tampers = false;

 private:
  void forward(Socket& from, Socket& to) try {
    for (std::byte byte; from.receive_or_end(std::span(&byte, 1));) {
      {
        const std::lock_guard lock(mutex_);
        heard_ += static_cast<char>(byte);
      }
      if (tampers) byte ^= std::byte{1};
      to.send(std::span(&byte, 1), patience);
    }
    to.shut_down();
  } catch (const Error&) {
    to.shut_down();
  }

  Listener listener_;
  Socket a_, b_;
  std::mutex mutex_;
  std::string heard_;
  std::vector<std::thread> threads_;
};

TEST(EavesdropperTest, HearsNothingAndCannotChangeAnything) {
  constexpr std::string_view confidential = "a sentence that nobody else may read";
  const Membership membership{make_secret(), true};
  Listener listener({"127.0.0.1", 0});
  Eavesdropper eve;
  auto accepted = std::async(std::launch::async, [&] {
    Socket socket = listener.accept();
    prove_to_client(socket, membership, patience);
    return socket;
  });
  auto connecting = std::async(std::launch::async, [&] { eve.connect(listener.address()); });
  Socket client = Socket::connect(eve.address(), patience);
  prove_to_server(client, membership, patience);
  connecting.get();
  Socket server = accepted.get();
  client.send(std::as_bytes(std::span(confidential)), patience);
  std::string got(confidential.size(), '\0');
  server.receive(std::as_writable_bytes(std::span(got)), patience);
  EXPECT_EQ(got, confidential);
  const std::string heard = eve.heard();
  EXPECT_GT(heard.size(), confidential.size());
  EXPECT_EQ(heard.find(confidential.substr(0, 8)), std::string::npos);
  EXPECT_EQ(heard.find(std::string(reinterpret_cast<const char*>(membership.secret.data()), 8)), std::string::npos);
  eve.tampers = true;
  client.send(std::as_bytes(std::span(confidential)), patience);
  EXPECT_THROW(server.receive(std::as_writable_bytes(std::span(got)), patience), Error);
}

TEST(TlsTest, ChangesItsKeysOnTheWay) {
  Listener listener({"127.0.0.1", 0});
  const Socket client = Socket::connect(listener.address(), patience);
  const Socket server = listener.accept();
  constexpr std::uint64_t records_a_key = 3;
  Tls from(client.descriptor(), Tls::End::client, some_key(1), records_a_key);
  Tls to(server.descriptor(), Tls::End::server, some_key(1), records_a_key);
  const auto both_shake = [&] {
    const auto a = from.shake_hands();
    const auto b = to.shake_hands();
    ASSERT_FALSE(a.fault || b.fault || a.error != 0 || b.error != 0);
  };
  for (int i = 0; i < 10; ++i) both_shake();
  const auto content = random_bytes(100000, 9);
  std::vector<std::byte> got(content.size());
  std::size_t sent = 0;
  std::size_t received = 0;
  while (received < content.size()) {
    const std::size_t piece = std::min<std::size_t>(content.size() - sent, 1000);
    if (piece != 0) sent += from.write(std::span(content).subspan(sent, piece)).bytes;
    const auto step = to.read(std::span(got).subspan(received));
    ASSERT_FALSE(step.fault || step.over || step.error != 0);
    received += step.bytes;
  }
  EXPECT_TRUE(got == content);
}

}  // namespace
}  // namespace millrace::rpc
