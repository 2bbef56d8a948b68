// SPDX-License-Identifier: Apache-2.0
// A web server for a page on this machine, which any other page in its user's browser can reach too: GET and
// HEAD alone, no bodies, every connection bounded in bytes and in seconds, no client waited for.
//
//   HttpServer server(0, [](const std::string& path) { return HttpAnswer{200, "text/plain", "hello\n"}; });
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace gamut::cli {

struct HttpAnswer {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body = "";
};

struct HttpLimits {
  double request_s = 10;  // from the connection until the whole request is there
  double reply_s = 20;    // from the answer until it was fetched
};

// Serves on 127.0.0.1 from its construction to its end, in a thread of its own.
class HttpServer {
 public:
  // `answer` gets the path of requests to this host ("/data.json") in that thread, one at a time; what it
  // throws becomes a 503. port 0: any free one. EnvironmentError when it is taken.
  using Answer = std::function<HttpAnswer(const std::string& path)>;
  HttpServer(int port, Answer answer, const HttpLimits& limits = {});
  // Waits for an answer that is being made, never for a client.
  ~HttpServer();
  int port() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace gamut::cli
