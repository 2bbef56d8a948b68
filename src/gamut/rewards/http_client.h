// SPDX-License-Identifier: Apache-2.0
// HTTP requests bounded in time and in bytes, over cpp-httplib.
#pragma once

#include <cstddef>
#include <string>

namespace gamut::rewards {

struct HttpLimits {
  double timeout_s = 60;       // connecting, sending and the whole reply together
  size_t max_bytes = 1 << 20;  // of the reply's body, unpacked
};

struct HttpReply {
  int status = 0;  // 0 = none came
  std::string body = "";
  std::string failure = "";  // "" = a whole reply came; else why not, in a few words
  bool too_large = false;    // the body passed max_bytes
};

class HttpClient {
 public:
  // url: http:// or https://, host, optional port and path; requests go below it. ConfigError for anything
  // else.
  explicit HttpClient(const std::string& url);
  // One try each; nothing thrown. Redirects are not followed.
  HttpReply get(const std::string& path, const HttpLimits& limits) const;
  HttpReply post_json(const std::string& path, const std::string& body, const HttpLimits& limits) const;

 private:
  HttpReply send(const char* method, const std::string& path, const std::string& body,
                 const HttpLimits& limits) const;
  std::string host_, prefix_;  // "http://127.0.0.1:8000", "/judge"
};

}  // namespace gamut::rewards
