// SPDX-License-Identifier: Apache-2.0
// TOML values as plain data, so that toml++ stays in toml_document.cpp. Used by config.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gamut {

// What no field can hold: a date, a time, a table inside a list.
struct OtherToml {};

struct TomlValue {
  using List = std::vector<TomlValue>;
  std::variant<bool, int64_t, double, std::string, List, OtherToml> data;
};

// Reads one value, "[1, 2]"; throws ConfigError unless `text` is exactly one.
TomlValue parse_toml_value(std::string_view text);

// Values as TOML on one line. Doubles are the shortest text that reads back as the same bits, and never look
// like integers: 1.0, 1e-4, inf.
std::string format_toml(bool value);
std::string format_toml(int64_t value);
std::string format_toml(double value);
std::string format_toml(const std::string& value);
template <class T>
std::string format_toml(const std::vector<T>& values) {
  std::string text = "[";
  for (const T& value : values) {
    if (text.size() > 1) text += ", ";
    text += format_toml(value);
  }
  return text += "]";
}

}  // namespace gamut
