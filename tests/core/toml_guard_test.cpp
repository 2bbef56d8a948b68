// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/toml_guard.h"

#include <gtest/gtest.h>

namespace gamut {
namespace toml_guard_test {

// "line:column what", "" = no fault.
std::string fault_of(const std::string& text) {
  const auto fault = find_toml_fault(text);
  return fault ? std::to_string(fault->line) + ":" + std::to_string(fault->column) + " " + fault->what : "";
}

TEST(toml_guard, lets_toml_pass) {
  for (const char* text :
       {"", "a = 1\r\n\tb.c = [0.1, 0.2]  # Grüße \u0490\n", "\xEF\xBB\xBF# mark\na = 1\n",
        "a = \"\u0490 # \\\" x\"\nb = 'é # \\'\n", "a = \"\"\"é\n\"two\"\"\"\"\"\nb = '''\né''''\n",
        "\"ü.ü\".b.\"c d\" = 1\n", "a = \"open\nb = 1\n", "[[run]]\n[a.\"b.c\"]\n"})
    EXPECT_EQ(fault_of(text), "") << text;
}

TEST(toml_guard, names_bytes_that_toml_allows_nowhere) {
  EXPECT_EQ(fault_of("a = 1\n\u0490"), "2:1 the byte 0xD2 may not stand outside of strings and comments");
  EXPECT_EQ(fault_of("[\x01"), "1:2 the byte 0x01 may not stand in TOML");
  for (const std::string& text :
       {std::string("a = 1\0", 6), std::string("a = \"\x7F\""), std::string("a = '''\x1B'''"),
        std::string("a = \"\\\x02\""), std::string("# \x0C")})
    EXPECT_NE(fault_of(text).find("may not stand in TOML"), std::string::npos) << text;
  EXPECT_NE(fault_of("a = \"closed\" é"), "");
  EXPECT_NE(fault_of("a = \"open\né = 1"), "") << "a string ends with its line";
}

TEST(toml_guard, counts_the_parts_of_a_key) {
  auto key = [](int parts, const char* dot) {
    std::string text = "a";
    for (int i = 1; i < parts; ++i) text += dot + std::string("a");
    return text;
  };
  EXPECT_EQ(fault_of(key(50, ".") + " = 1"), "");
  EXPECT_EQ(fault_of(key(51, ".") + " = 1"), "1:100 a key may have at most 50 parts");
  EXPECT_NE(fault_of("[" + key(51, " . ") + "]"), "");
  EXPECT_NE(fault_of("x = {" + key(51, ".\"q\".") + " = 1}"), "");
  std::string list = "x = [";
  for (int i = 0; i < 1000; ++i) list += "0.5, ";
  EXPECT_EQ(fault_of(list + "1.5]"), "");
}

}  // namespace toml_guard_test
}  // namespace gamut
