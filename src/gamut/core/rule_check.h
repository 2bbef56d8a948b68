// SPDX-License-Identifier: Apache-2.0
// Whether a value keeps the rule of its field, and what to say when it does not. Used by config.cpp.
#pragma once

#include "gamut/core/config.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace gamut {

// A string field whose rule has choices and a lower bound takes a word or a number: clusters = "eigengap", 4
// or "4".
bool takes_number(const Rule& rule);

// NaN keeps no rule; a list keeps one that each of its values does.
bool keeps(const Rule& rule, bool value);
bool keeps(const Rule& rule, int64_t value);
bool keeps(const Rule& rule, double value);
bool keeps(const Rule& rule, const std::string& value);
template <class T>
bool keeps(const Rule& rule, const std::vector<T>& values) {
  return std::all_of(values.begin(), values.end(), [&](const T& value) { return keeps(rule, value); });
}

// The word that broke the rule's choices, or "" for numbers.
std::string outsider(const Rule& rule, const std::string& value);
std::string outsider(const Rule& rule, const std::vector<std::string>& values);
template <class T>
std::string outsider(const Rule&, const T&) {
  return "";
}

// "must be in 1..1000", "must be > 0", "must be one of a | b"
std::string demand(const Rule& rule);

}  // namespace gamut
