// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/number_flag.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"

#include <charconv>
#include <cmath>
#include <functional>
#include <string>
#include <system_error>
#include <utility>

namespace gamut::cli {
namespace {

template <class Number>
bool reads_as(const std::string& text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && rest == end;
}

// "" for a good text, as CLI11 wants it.
CLI::Validator rule(const std::string& rule, std::function<bool(const std::string&)> holds) {
  return CLI::Validator(
      [rule, holds = std::move(holds)](std::string& text) {
        return holds(text) ? std::string() : cat("must be ", rule, "; got '", printable(text, 40), "'");
      },
      "");
}

}  // namespace

CLI::Validator whole_number(int64_t low, int64_t high) {
  const bool is_open = high == std::numeric_limits<int64_t>::max();
  return rule(is_open ? cat("a whole number of ", low, " or more, below 2^63")
                      : cat("a whole number from ", low, " to ", high),
              [low, high](const std::string& text) {
                int64_t number = 0;
                return reads_as(text, number) && number >= low && number <= high;
              });
}

CLI::Validator number_between(double low, double high) {
  return rule(cat("a number from ", low, " to ", high), [low, high](const std::string& text) {
    double number = 0;
    return reads_as(text, number) && number >= low && number <= high;
  });
}

CLI::Validator number_above(double low) {
  return rule(cat("a number above ", low), [low](const std::string& text) {
    double number = 0;
    return reads_as(text, number) && std::isfinite(number) && number > low;
  });
}

}  // namespace gamut::cli
