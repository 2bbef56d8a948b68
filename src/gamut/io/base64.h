// SPDX-License-Identifier: Apache-2.0
// Bytes as text (RFC 4648, section 4), with padding and without line breaks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gamut::io {

std::string base64(std::string_view bytes);
// Nothing when `text` is not base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace gamut::io
