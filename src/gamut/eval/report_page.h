// SPDX-License-Identifier: Apache-2.0
// The page around the numbers: what is in src/gamut/eval/report and third_party/uplot, embedded at build
// time.
#pragma once

#include <string>
#include <string_view>

namespace gamut::eval {

// JSON that may stand inside <script>: no '<', '>', '&' nor line separator of JavaScript is left, each being
// written as an escape that any JSON reader turns back.
std::string script_safe(std::string_view json);
// The template with its three kinds of content filled in. `json` is made safe here.
std::string page_with(std::string_view json);

}  // namespace gamut::eval
