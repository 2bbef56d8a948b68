// SPDX-License-Identifier: Apache-2.0
// What a TOML text is spared before toml++ sees it: bytes that TOML allows nowhere, on some of which toml++
// runs into its own assertions, and keys of so many parts that what is built from them exhausts the stack.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gamut {

constexpr int64_t kMaxTomlDepth = 50;  // parts of a key, and tables and lists within each other

struct TomlFault {
  int64_t line = 1, column = 1;  // of the byte at fault
  std::string what;
};
// The first fault; nothing for a text that toml++ may judge.
std::optional<TomlFault> find_toml_fault(std::string_view text);

}  // namespace gamut
