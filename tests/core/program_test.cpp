// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/program.h"

#include <gtest/gtest.h>

namespace gamut {
namespace program_test {

TEST(program, words_are_quoted_where_a_shell_needs_it) {
  EXPECT_EQ(shell_word("runs/a-1.b"), "runs/a-1.b");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("the digit 7"), "'the digit 7'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word("*"), "'*'");
}

TEST(program, is_called_as_main_was) {
  const std::string before = program_name();
  set_program_name("my tools/gamut");
  EXPECT_EQ(program_name(), "'my tools/gamut'");
  set_program_name("");
  EXPECT_EQ(program_name(), "'my tools/gamut'");
  set_program_name("gamut");
  EXPECT_EQ(program_name(), before);
}

}  // namespace program_test
}  // namespace gamut
