// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"

#include "gamut/core/names.h"

#include <algorithm>

namespace gamut {
namespace {

std::string error_line(std::string_view where, std::string_view message) {
  return printable_message(cat("[", where, "] ", message));
}

std::string error_lines(std::string_view where, const std::vector<std::string>& mistakes) {
  constexpr size_t kMost = 10;
  std::string text;
  for (size_t i = 0; i < std::min(mistakes.size(), kMost); ++i)
    text += cat(i == 0 ? "" : "\n", error_line(where, mistakes[i]));
  if (mistakes.size() > kMost) text += cat("\n[", where, "] and ", mistakes.size() - kMost, " more");
  return text;
}

}  // namespace

Error::Error(ExitCode code, std::string_view where, std::string_view message)
    : std::runtime_error(error_line(where, message)), code_(code) {}

Error::Error(ExitCode code, std::string_view where, const std::vector<std::string>& mistakes)
    : std::runtime_error(error_lines(where, mistakes)), code_(code) {}

Error::Error(const Error& error, std::string_view advice)
    : std::runtime_error(printable_message(cat(error.what(), "; ", advice))), code_(error.code()) {}

}  // namespace gamut
