// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/http_server.h"

#include "gamut/cli/http_text.h"
#include "gamut/core/error.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <list>
#include <string_view>
#include <thread>
#include <vector>

namespace gamut::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxRequest = 16384, kMaxConnections = 32;
constexpr size_t kMaxDrained = 1 << 20;  // of a body that nobody asked for
constexpr double kDrain_s = 1;

Clock::time_point in_seconds(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

struct Connection {
  int socket = -1;
  Clock::time_point deadline;
  std::string request = {}, reply = {};  // a reply is there once the request was whole
  size_t sent = 0, drained = 0;
  bool draining = false, over = false;
};

int listen_on_loopback(int port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int yes = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(uint16_t(port));
  ::inet_pton(AF_INET, kLoopback, &address.sin_addr);
  // Not SO_REUSEPORT, by which two runs could share a port.
  if (listener >= 0) ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (listener >= 0 && ::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      ::listen(listener, 64) == 0)
    return listener;
  if (listener >= 0) ::close(listener);
  throw EnvironmentError("serve",
                         cat("cannot serve on ", kLoopback, ":", port,
                             "; the port may be taken; choose another with --serve PORT, 0 = any free one"));
}

}  // namespace

struct HttpServer::Parts {
  Parts(int port, Answer answer_by, const HttpLimits& bounds)
      : listener(listen_on_loopback(port)),
        wake(::eventfd(0, EFD_CLOEXEC)),
        answer(std::move(answer_by)),
        limits(bounds) {}

  ~Parts() {
    for (const Connection& connection : connections) ::close(connection.socket);
    ::close(listener);
    ::close(wake);
  }

  void serve() {
    while (true) {
      std::vector<pollfd> watched{{wake, POLLIN, 0}, {listener, POLLIN, 0}};
      for (const Connection& one : connections)
        watched.push_back({one.socket, short(one.reply.empty() || one.draining ? POLLIN : POLLOUT), 0});
      if (::poll(watched.data(), watched.size(), time_left_ms()) < 0 && errno != EINTR) return;
      if (watched[0].revents != 0) return;
      size_t at = 2;
      for (Connection& one : connections)
        if (watched[at++].revents != 0) advance(one);
      connections.remove_if([](const Connection& one) {
        const bool ends = one.over || Clock::now() >= one.deadline;
        if (ends) ::close(one.socket);
        return ends;
      });
      if (watched[1].revents != 0) accept_one();
    }
  }

  // Until the first deadline; a second at most, so that a failure to accept is no busy loop's reason.
  int time_left_ms() const {
    Clock::time_point first = in_seconds(1);
    for (const Connection& one : connections) first = std::min(first, one.deadline);
    return int(
        std::max<int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(first - Clock::now()).count()));
  }

  void accept_one() {
    const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) return;
    // A crowd of idle connections must not keep the page's own out.
    if (connections.size() >= kMaxConnections) {
      ::close(connections.front().socket);
      connections.pop_front();
    }
    connections.push_back({.socket = socket, .deadline = in_seconds(limits.request_s)});
  }

  void advance(Connection& one) {
    if (one.draining) return drain(one);
    if (one.reply.empty()) read_request(one);
    if (!one.reply.empty() && !one.over) send_reply(one);
  }

  void read_request(Connection& one) {
    char chunk[4096];
    const ssize_t count = ::recv(one.socket, chunk, sizeof chunk, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    one.over = count <= 0;
    if (one.over) return;
    one.request.append(chunk, size_t(count));
    const size_t end = one.request.find("\r\n\r\n");
    if (end == std::string::npos && one.request.size() < kMaxRequest) return;
    const HttpRequest request = parse_request(std::string_view(one.request).substr(0, end));
    one.reply = reply_text(end == std::string::npos ? HttpAnswer{.status = 431} : answer_to(request),
                           request.method != "HEAD");
    one.deadline = in_seconds(limits.reply_s);
  }

  HttpAnswer answer_to(const HttpRequest& request) {
    if (request.method != "GET" && request.method != "HEAD") return {.status = 405};
    if (!names_this_machine(request.host)) return {.status = 403};
    try {
      return answer(request.path);
    } catch (const std::exception& error) {
      return {.status = 503, .body = error.what()};
    }
  }

  void send_reply(Connection& one) {
    const ssize_t count =
        ::send(one.socket, one.reply.data() + one.sent, one.reply.size() - one.sent, MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    one.over = count < 0;
    if (one.over) return;
    one.sent += size_t(count);
    if (one.sent < one.reply.size()) return;
    // A socket closed over unread bytes takes the reply back from the client: they are read for a moment and
    // dropped.
    ::shutdown(one.socket, SHUT_WR);
    one.draining = true;
    one.deadline = in_seconds(kDrain_s);
  }

  void drain(Connection& one) {
    char chunk[4096];
    const ssize_t count = ::recv(one.socket, chunk, sizeof chunk, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    one.drained += count > 0 ? size_t(count) : 0;
    one.over = count <= 0 || one.drained > kMaxDrained;
  }

  int listener, wake;
  Answer answer;
  HttpLimits limits;
  std::list<Connection> connections;
  std::thread thread;
};

HttpServer::HttpServer(int port, Answer answer, const HttpLimits& limits)
    : parts_(std::make_unique<Parts>(port, std::move(answer), limits)) {
  parts_->thread = std::thread([parts = parts_.get()] { parts->serve(); });
}

HttpServer::~HttpServer() {
  ::eventfd_write(parts_->wake, 1);
  parts_->thread.join();
}

int HttpServer::port() const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(parts_->listener, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

}  // namespace gamut::cli
