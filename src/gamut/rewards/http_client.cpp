// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/http_client.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace gamut::rewards {
namespace {

using Seconds = std::chrono::duration<double>;

// Breaks the client's connection when time is up. The library's own limits count from one byte to the next,
// so a server that drips would never meet them.
class Deadline {
 public:
  Deadline(httplib::Client& client, double seconds)
      : watcher_([this, &client, seconds] {
          std::unique_lock lock(mutex_);
          const auto done = [this] { return done_; };
          if (wake_.wait_for(lock, Seconds(seconds), done)) return;
          passed_ = true;
          // Again and again: a connection may open just after the first time.
          do client.stop();
          while (!wake_.wait_for(lock, Seconds(0.05), done));
        }) {}
  ~Deadline() { finish(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  // True when time was up before.
  bool finish() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    wake_.notify_all();
    if (watcher_.joinable()) watcher_.join();
    return passed_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool done_ = false;
  std::atomic<bool> passed_ = false;
  std::thread watcher_;  // last: it uses the others
};

std::string words(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "connection refused";
    case httplib::Error::ConnectionTimeout:
      return "no connection within the time limit";
    case httplib::Error::Read:
      return "the connection broke while reading the reply";
    case httplib::Error::Write:
      return "the connection broke while sending";
    case httplib::Error::SSLConnection:
    case httplib::Error::SSLLoadingCerts:
    case httplib::Error::SSLServerVerification:
      return "TLS failed or the certificate is not trusted";
    default:
      return httplib::to_string(error);
  }
}

}  // namespace

HttpClient::HttpClient(const std::string& url) {
  const size_t scheme = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : 0;
  const size_t slash = std::min(url.find('/', scheme), url.size());
  const bool is_usable = scheme > 0 && slash > scheme && url.find_first_of(" \t\r\n?#@") == std::string::npos;
  if (!is_usable)
    throw ConfigError("reward", cat("remote.url must be http://host:port or https://host:port; got '",
                                    printable(url), "'"));
  host_ = url.substr(0, slash);
  prefix_ = url.substr(slash);
  while (prefix_.ends_with('/')) prefix_.pop_back();
}

HttpReply HttpClient::get(const std::string& path, const HttpLimits& limits) const {
  return send("GET", path, "", limits);
}

HttpReply HttpClient::post_json(const std::string& path, const std::string& body,
                                const HttpLimits& limits) const {
  return send("POST", path, body, limits);
}

HttpReply HttpClient::send(const char* method, const std::string& path, const std::string& body,
                           const HttpLimits& limits) const {
  HttpReply reply;
  httplib::Client client(host_);
  const auto time = std::chrono::duration_cast<std::chrono::microseconds>(Seconds(limits.timeout_s));
  client.set_connection_timeout(time);
  // Later than the deadline, which alone says when time is up.
  client.set_read_timeout(2 * time + std::chrono::seconds(1));
  client.set_write_timeout(2 * time + std::chrono::seconds(1));
  httplib::Request request;
  request.method = method;
  request.path = prefix_ + path;
  request.headers = {{"Accept", "application/json"}};
  if (!body.empty()) request.headers.emplace("Content-Type", "application/json");
  request.body = body;
  request.content_receiver = [&](const char* data, size_t size, uint64_t, uint64_t) {
    reply.too_large = size > limits.max_bytes - reply.body.size();
    if (!reply.too_large) reply.body.append(data, size);
    return !reply.too_large;
  };
  httplib::Response response;
  httplib::Error error = httplib::Error::Success;
  Deadline deadline(client, limits.timeout_s);
  const bool came = client.send(request, response, error);
  const bool too_late = deadline.finish();
  if (too_late)
    reply.failure = cat("no whole reply within ", limits.timeout_s, " s");
  else if (reply.too_large)
    reply.failure = cat("a reply of more than ", limits.max_bytes / 1024, " kB");
  else if (!came)
    reply.failure = words(error);
  if (reply.failure.empty()) reply.status = response.status;
  return reply;
}

}  // namespace gamut::rewards
