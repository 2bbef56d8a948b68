// SPDX-License-Identifier: Apache-2.0
// What other pages and programs of this machine may try on the report's server.
#include "gamut/cli/http_server.h"

#include "gamut/core/clock.h"
#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace gamut::cli {
namespace http_server_test {

HttpAnswer hello(const std::string& path) {
  if (path == "/") return {.type = "text/html", .body = "hello"};
  if (path == "/fails") throw std::runtime_error("half a file");
  return {.status = 404};
}

class Client {
 public:
  explicit Client(const HttpServer& server) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(uint16_t(server.port()));
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    timeval limit{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot connect");
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // False once the server has closed.
  bool send(const std::string& text) const {
    return ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) == ssize_t(text.size());
  }
  std::string rest() const {
    std::string text;
    char chunk[4096];
    for (ssize_t count = 0; (count = ::recv(socket_, chunk, sizeof chunk, 0)) > 0;)
      text.append(chunk, size_t(count));
    return text;
  }

 private:
  int socket_;
};

std::string reply_to(const HttpServer& server, const std::string& request) {
  const Client client(server);
  client.send(request);
  return client.rest();
}

TEST(http_server, answers_get_and_head) {
  const HttpServer server(0, hello);
  const std::string got =
      reply_to(server, "GET /?x=1 HTTP/1.1\r\nUser-Agent: x\r\nhost:  localhost:80 \r\n\r\n");
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n")) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\nhello")) << got;
  const std::string head = reply_to(server, "HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  EXPECT_TRUE(head.ends_with("Connection: close\r\n\r\n")) << head;
  EXPECT_NE(head.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_TRUE(reply_to(server, "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 404 "));
  const std::string failed = reply_to(server, "GET /fails HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(failed.starts_with("HTTP/1.1 503 ") && failed.ends_with("half a file")) << failed;
}

TEST(http_server, refuses_other_methods_hosts_and_garbage) {
  const HttpServer server(0, hello);
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "get", "PRI"})
    EXPECT_TRUE(reply_to(server, std::string(method) +
                                     " / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc")
                    .starts_with("HTTP/1.1 405 "))
        << method;
  for (const char* host : {"Host: evil.example\r\n", "Host: localhost.evil\r\n", "Host:\r\n", ""})
    EXPECT_TRUE(
        reply_to(server, std::string("GET / HTTP/1.1\r\n") + host + "\r\n").starts_with("HTTP/1.1 403 "))
        << host;
  for (const char* garbage : {"\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\r\n\r\n", "GET  \r\n\r\n"})
    EXPECT_TRUE(reply_to(server, garbage).starts_with("HTTP/1.1 40")) << garbage;
}

TEST(http_server, takes_no_body_and_no_endless_header) {
  const HttpServer server(0, hello);
  const std::string megabyte(1 << 20, 'x');
  const Client poster(server), talker(server);
  poster.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n");
  int sent = 0;
  while (sent < 100 && poster.send(megabyte)) ++sent;
  EXPECT_LT(sent, 100) << "the rest of 100 MB was not wanted";
  talker.send("GET / HTTP/1.1\r\nX: ");
  for (sent = 0; sent < 100 && talker.send(megabyte); ++sent) continue;
  EXPECT_LT(sent, 100);
}

TEST(http_server, a_request_has_a_time_limit_in_all) {
  const HttpServer server(0, hello, {.request_s = 0.3, .reply_s = 5});
  const Client dripping(server);
  const Stopwatch watch;
  bool open = dripping.send("GET / HTTP/1.1\r\nX: ");
  while (open && watch.seconds() < 20) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    open = dripping.send("a");
  }
  EXPECT_FALSE(open);
}

TEST(http_server, idle_clients_keep_nobody_out) {
  const HttpServer server(0, hello);
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 100; ++i) idle.push_back(std::make_unique<Client>(server));
  EXPECT_TRUE(reply_to(server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").ends_with("hello"));
}

// The limits are far off: what ends it is the end of the server.
TEST(http_server, its_end_waits_for_no_client) {
  const Stopwatch watch;
  {
    const HttpServer server(0, hello, {.request_s = 1000, .reply_s = 1000});
    const Client silent(server), begun(server);
    begun.send("GET / HTTP/1.1\r\nX: ");
    EXPECT_TRUE(reply_to(server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").ends_with("hello"));
  }
  EXPECT_LT(watch.seconds(), 500);
}

TEST(http_server, a_port_has_one_server) {
  const HttpServer server(0, hello);
  const std::string message =
      testing::message_of<EnvironmentError>([&] { HttpServer(server.port(), hello); });
  EXPECT_NE(message.find("the port may be taken"), std::string::npos) << message;
}

}  // namespace http_server_test
}  // namespace gamut::cli
