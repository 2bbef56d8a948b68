// SPDX-License-Identifier: Apache-2.0
// Requests and replies of http_server.cpp as text.
#pragma once

#include "gamut/cli/http_server.h"

#include <string>
#include <string_view>

namespace gamut::cli {

inline constexpr const char* kLoopback = "127.0.0.1";

// Whether a Host header means this machine: another site's page must not read this one through a name that
// leads here.
bool names_this_machine(std::string_view host);

struct HttpRequest {
  std::string method, path, host;
};
// From the text before the empty line. What is malformed stays "", which is answered as what it is not.
HttpRequest parse_request(std::string_view text);

// Headers, and the body unless the request was for them alone.
std::string reply_text(const HttpAnswer& answer, bool with_body);

}  // namespace gamut::cli
