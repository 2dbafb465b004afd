#include "rpc/handshake.h"

#include <filesystem>
#include <future>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <millrace/error.h>

namespace millrace::rpc {
namespace {

constexpr Socket::Timeout patience{2000};

/// With and without encryption.
class HandshakeTest : public testing::TestWithParam<bool> {
 protected:
  // What each end says of the other: empty when all is well.
  std::pair<std::string, std::string> meet(const Membership& of_client, const Membership& of_server) {
    auto server = std::async(std::launch::async, [&] {
      Socket socket = listener_.accept();
      return said([&] { prove_to_client(socket, of_server, patience); });
    });
    Socket socket = Socket::connect(listener_.address(), patience);
    std::string client = said([&] { prove_to_server(socket, of_client, patience); });
    socket = {};
    return {client, server.get()};
  }

  template <class Function>
  static std::string said(Function function) {
    try {
      function();
      return {};
    } catch (const Error& error) {
      EXPECT_EQ(error.cause(), Cause::lost_node);
      return error.what();
    }
  }

  Membership member() const { return {make_secret(), GetParam()}; }

  Listener listener_{{"127.0.0.1", 0}};
};

INSTANTIATE_TEST_SUITE_P(, HandshakeTest, testing::Bool(),
                         [](const auto& tls) { return tls.param ? "Encrypted" : "Plain"; });

TEST_P(HandshakeTest, WhoeverKnowsTheSecretIsLetIn) {
  const Membership membership = member();
  EXPECT_EQ(meet(membership, membership), std::pair(std::string(), std::string()));
}

TEST_P(HandshakeTest, WhoeverDoesNotIsTurnedAwayByBothSides) {
  const auto [client, server] = meet(member(), member());
  EXPECT_NE(client.find("does not belong to this run"), std::string::npos) << client;
  EXPECT_NE(server, "");
}

TEST_P(HandshakeTest, WhoeverDoesNotEncryptAlikeIsTurnedAway) {
  const Membership membership = member();
  const auto [client, server] = meet({membership.secret, !membership.tls}, membership);
  EXPECT_NE(client.find("does not belong to this run"), std::string::npos) << client;
  EXPECT_NE(server, "");
}

TEST_P(HandshakeTest, AnythingElseIsNoGreeting) {
  auto server = std::async(std::launch::async, [&] {
    Socket socket = listener_.accept();
    return said([&] { prove_to_client(socket, member(), patience); });
  });
  Socket socket = Socket::connect(listener_.address(), patience);
  const std::string text = "GET / HTTP/1.1\r\nHost: somebody.example\r\n\r\n";
  socket.send(std::as_bytes(std::span(text)));
  EXPECT_NE(server.get().find("does not belong"), std::string::npos);
}

TEST_P(HandshakeTest, OneWhoSaysNothingIsNotWaitedForForever) {
  auto server = std::async(std::launch::async, [&] {
    Socket socket = listener_.accept();
    return said([&] { prove_to_client(socket, member(), Socket::Timeout{50}); });
  });
  const Socket socket = Socket::connect(listener_.address(), patience);
  EXPECT_NE(server.get().find("nothing for"), std::string::npos);
}

TEST(SecretTest, ASecretInAFileIsItsOwnersAlone) {
  const std::string path = testing::TempDir() + "/millrace-secret";
  std::filesystem::remove(path);
  const Secret secret = make_secret();
  write_secret(path, secret);
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
  EXPECT_EQ(read_secret(path), secret);
  EXPECT_THROW(write_secret(path, secret), Error) << "a file that is there is not trusted";
  std::filesystem::resize_file(path, 5);
  EXPECT_THROW(read_secret(path), Error);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace millrace::rpc
