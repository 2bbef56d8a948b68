// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/program.h"

namespace gamut {
namespace {

std::string& stored_program_name() {
  static std::string name = "gamut";
  return name;
}

}  // namespace

void set_program_name(const std::string& argv0) {
  if (!argv0.empty()) stored_program_name() = argv0;
}

const std::string& program_argument() { return stored_program_name(); }

std::string program_name() { return shell_word(stored_program_name()); }

std::string shell_word(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789_-./=:,+@%") == std::string::npos;
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace gamut
