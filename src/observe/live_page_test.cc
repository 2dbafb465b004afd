#include "observe/live_page.h"

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <millrace/error.h>

#include "observe/simulated_run.h"

namespace millrace::observe {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string token = "0123456789abcdef";

class LivePageTest : public testing::Test {
 protected:
  // Sends the bytes and returns all that comes back until the server closes.
  std::string send(const std::string& bytes) const { return receive(ask(bytes)); }
  // From the return of this function on, the server will find the bytes.
  int ask(const std::string& bytes) const {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port());
    EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    return socket;
  }
  static std::string receive(int socket) {
    std::string answer;
    char buffer[4096];
    for (ssize_t count; (count = ::recv(socket, buffer, sizeof buffer, 0)) > 0;) answer.append(buffer, count);
    ::close(socket);
    return answer;
  }
  std::string get(const std::string& path, const std::string& more = "") const { return send(request(path, more)); }
  std::string request(const std::string& path, const std::string& more = "") const {
    return "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port()) + "\r\nConnection: close\r\n" +
           more + "\r\n";
  }
  void tell(const Logged& record) {
    const auto lock = page_->hold();
    page_->on(record);
  }
  static std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }
  std::uint16_t port() const {
    const std::string address = page_->address();
    return static_cast<std::uint16_t>(std::stoi(address.substr(std::string("http://127.0.0.1:").size())));
  }

  std::unique_ptr<LivePage> page_ = std::make_unique<LivePage>(0, token);
};

TEST_F(LivePageTest, ServesThePageItsDataAndMetrics) {
  for (const Logged& record : simulated_run()) tell(record);
  const std::string page = get("/" + token + "/");
  EXPECT_THAT(page, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(page, HasSubstr("Content-Security-Policy"));
  const auto data = nlohmann::json::parse(body_of(get("/" + token + "/data?after=")));
  EXPECT_EQ(data["state"], "succeeded");
  EXPECT_EQ(data["jobs"].size(), 1u);
  EXPECT_TRUE(data["over"]);
  const std::string metrics = get("/" + token + "/metrics");
  EXPECT_THAT(metrics, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(metrics, HasSubstr("\nmillrace_jobs{state=\"succeeded\"} 1\n"));
  EXPECT_THAT(get("/metrics", "Authorization: Bearer " + token + "\r\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(LivePageTest, RefusesThoseWithoutTheToken) {
  for (const char* path :
       {"/", "/data", "/metrics", "/0123456789abcdeX/", "/0123456789abcde/", "/0123456789abcdef0/data"}) {
    const std::string answer = get(path);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 ")) << path;
    EXPECT_EQ(answer.find(token), std::string::npos);
  }
  EXPECT_THAT(get("/metrics", "Authorization: Bearer wrong\r\n"), StartsWith("HTTP/1.1 403 "));
}

TEST_F(LivePageTest, RefusesPagesOfOtherSites) {
  const std::string path = "GET /" + token + "/data HTTP/1.1\r\nConnection: close\r\n";
  const std::string here = std::to_string(port());
  EXPECT_THAT(send(path + "Host: evil.example:" + here + "\r\n\r\n"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(send(path + "\r\n"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(send(path + "Host: localhost:" + here + "\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(send(path + "Host: localhost:" + here + "\r\nHost: evil.example\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(LivePageTest, RefusesWhatIsNoRequestOfABrowser) {
  for (const char* bytes :
       {"POST / HTTP/1.1\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/9\r\n\r\n", "\r\n\r\n", "GET x HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
        "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    EXPECT_THAT(send(bytes), StartsWith("HTTP/1.1 400 ")) << bytes;
  }
  EXPECT_THAT(send("GET /" + std::string(9000, 'x')), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(get("/" + token + "/nothing"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(LivePageTest, APageThatIsOpenIsToldTheEnd) {
  tell({Time{1}, RunStarted{}});
  const auto first = nlohmann::json::parse(body_of(get("/" + token + "/data")));
  EXPECT_EQ(first["state"], "running");
  const int socket = ask(request("/" + token + "/data?after=" + first["cursor"].get<std::string>()));
  tell({Time{2}, RunEnded{1, "it broke"}});
  const auto data = nlohmann::json::parse(body_of(receive(socket)));
  EXPECT_EQ(data["state"], "failed");
  EXPECT_EQ(data["message"], "it broke");
  EXPECT_TRUE(data["over"]);
}

TEST_F(LivePageTest, EndsAtOnceWhenNobodyLooks) {
  // Of several times the shortest: others may use the processors.
  auto shortest = std::chrono::steady_clock::duration::max();
  for (int i = 0; i < 10; ++i) {
    page_ = std::make_unique<LivePage>(0, token);
    const auto start = std::chrono::steady_clock::now();
    page_.reset();
    shortest = std::min(shortest, std::chrono::steady_clock::now() - start);
  }
  EXPECT_LT(shortest, std::chrono::milliseconds(300));
}

TEST_F(LivePageTest, APortThatIsTakenIsNamed) {
  try {
    const LivePage second(port(), token);
    FAIL() << "two on one port";
  } catch (const Error& error) {
    EXPECT_EQ(error.cause(), Cause::usage);
    EXPECT_THAT(error.what(), HasSubstr("127.0.0.1:" + std::to_string(port())));
    EXPECT_THAT(error.what(), HasSubstr("Address already in use"));
  }
}

TEST(LivePageTokenTest, IsRandomUnlessItIsGiven) {
  const LivePage one(0, ""), two(0, "");
  EXPECT_EQ(one.address().size() - one.address().rfind('/', one.address().size() - 2), 34u);
  EXPECT_NE(one.address().substr(22), two.address().substr(22));
}

}  // namespace
}  // namespace millrace::observe
