// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/http_text.h"

#include "gamut/core/error.h"

#include <algorithm>
#include <cctype>
#include <cstdint>

namespace gamut::cli {
namespace {

bool equal_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return std::tolower(uint8_t(x)) == std::tolower(uint8_t(y)); });
}

const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    default:
      return "Service Unavailable";
  }
}

}  // namespace

bool names_this_machine(std::string_view host) {
  const std::string_view name = host.substr(0, host.rfind(':'));
  return name == kLoopback || name == "localhost";
}

HttpRequest parse_request(std::string_view text) {
  HttpRequest request;
  const std::string_view first = text.substr(0, text.find("\r\n"));
  const size_t space = first.find(' '), second = first.find(' ', space + 1);
  if (space == std::string_view::npos || second == std::string_view::npos) return request;
  request.method = first.substr(0, space);
  request.path = first.substr(space + 1, second - space - 1);
  request.path = request.path.substr(0, request.path.find('?'));
  text.remove_prefix(std::min(text.size(), first.size() + 2));
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find("\r\n"));
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && equal_without_case(line.substr(0, colon), "host")) {
      const size_t begin = line.find_first_not_of(" \t", colon + 1), end = line.find_last_not_of(" \t");
      request.host = begin == std::string_view::npos ? "" : line.substr(begin, end + 1 - begin);
    }
    text.remove_prefix(std::min(text.size(), line.size() + 2));
  }
  return request;
}

std::string reply_text(const HttpAnswer& answer, bool with_body) {
  std::string text = cat("HTTP/1.1 ", answer.status, " ", reason(answer.status),
                         "\r\nContent-Type: ", answer.type, "\r\nContent-Length: ", answer.body.size(),
                         "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
                         answer.status == 405 ? "Allow: GET, HEAD\r\n" : "", "Connection: close\r\n\r\n");
  return with_body ? text + answer.body : text;
}

}  // namespace gamut::cli
