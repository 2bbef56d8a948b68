// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/toml_value.h"

#include <charconv>
#include <cmath>

namespace gamut {

std::string format_toml(bool value) { return value ? "true" : "false"; }

std::string format_toml(int64_t value) { return std::to_string(value); }

std::string format_toml(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  std::string text(buffer, end);
  const size_t exponent = text.find('e');
  if (exponent == std::string::npos) return text.find('.') == std::string::npos ? text + ".0" : text;
  // to_chars writes 1e-04 and 1e+20; 1e-4 and 1e20 are what people write.
  const bool negative = text[exponent + 1] == '-';
  const size_t digits = text.find_first_not_of("+-0", exponent + 1);
  return text.substr(0, exponent + 1) + (negative ? "-" : "") + text.substr(digits);
}

std::string format_toml(const std::string& value) {
  std::string text = "\"";
  for (const char c : value) {
    switch (c) {
      case '"':
        text += "\\\"";
        break;
      case '\\':
        text += "\\\\";
        break;
      case '\n':
        text += "\\n";
        break;
      case '\r':
        text += "\\r";
        break;
      case '\t':
        text += "\\t";
        break;
      default:
        if (uint8_t(c) < 0x20 || c == 0x7F) {
          constexpr char kHex[] = "0123456789ABCDEF";
          text += std::string("\\u00") + kHex[uint8_t(c) >> 4] + kHex[c & 15];
        } else {
          text += c;
        }
    }
  }
  return text + "\"";
}

}  // namespace gamut
