// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/names.h"

#include <gtest/gtest.h>

namespace gamut {
namespace names_test {

const std::vector<std::string> kKeys{"rollout.group_size", "rollout.steps", "loss.kind", "seed", "beta"};

TEST(names, finds_the_nearest_name_for_each_kind_of_slip) {
  EXPECT_EQ(nearest_name("rollout.group_szie", kKeys), "rollout.group_size");  // swapped
  EXPECT_EQ(nearest_name("rollout.groupsize", kKeys), "rollout.group_size");   // missing
  EXPECT_EQ(nearest_name("rollout.stepps", kKeys), "rollout.steps");           // doubled
  EXPECT_EQ(nearest_name("loss.kinf", kKeys), "loss.kind");                    // replaced
  EXPECT_EQ(nearest_name("sede", kKeys), "seed");                              // one swap counts once
}

TEST(names, stays_silent_when_nothing_is_near) {
  EXPECT_EQ(nearest_name("optimizer.rate", kKeys), "");
  EXPECT_EQ(nearest_name("x", {"y"}), "");
  EXPECT_EQ(nearest_name("", kKeys), "");
  EXPECT_EQ(nearest_name("word", {}), "");
}

TEST(names, prefers_the_smaller_distance_and_then_the_first) {
  EXPECT_EQ(nearest_name("abcdef", {"abcxyf", "abcdxf"}), "abcdxf");
  EXPECT_EQ(nearest_name("abcdef", {"abcdeg", "abcdeh"}), "abcdeg");
}

TEST(names, allows_about_a_third_of_the_letters_to_differ) {
  EXPECT_EQ(nearest_name("abcdefghi", {"abcdefxyz"}), "abcdefxyz");
  EXPECT_EQ(nearest_name("abcdefghi", {"abcdewxyz"}), "");
}

TEST(names, printable_keeps_messages_on_one_line) {
  EXPECT_EQ(printable("Grüße 漢字"), "Grüße 漢字");
  EXPECT_EQ(printable("a\nb\x1b[31m\x7f"), "a?b?[31m?");
}

TEST(names, printable_shortens_between_characters) {
  EXPECT_EQ(printable("abcdef", 4), "abcd…");
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("aü!", 2), "a…");  // the cut would split the ü
  EXPECT_EQ(printable("漢字", 5), "漢…");
  EXPECT_EQ(printable("漢字", 3), "漢…");
  EXPECT_EQ(printable("漢字", 2), "…");
}

TEST(names, printable_leaves_nothing_that_acts_on_a_terminal_or_hides) {
  EXPECT_EQ(printable("\xC2\x9B"
                      "2J"),
            "?2J");  // CSI of eight bits
  EXPECT_EQ(printable("a\u202Egnp.exe\u2028b\u200B\uFEFF"), "a?gnp.exe?b??");
  EXPECT_EQ(printable("\xFF\xC3(\xED\xA0\x80"), "\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFD");  // not UTF-8, a surrogate
  EXPECT_EQ(printable("\xF4\x8F\xBF\xBF\xF0\x9F\x8E\xA8"), "?\xF0\x9F\x8E\xA8");     // unassigned, an emoji
}

TEST(names, a_long_message_keeps_both_ends) {
  const std::string end = "; remove it";
  const std::string text = printable_message("begin " + std::string(100'000, 'm') + "\n" + end);
  EXPECT_LE(text.size(), 1010u);
  EXPECT_TRUE(text.starts_with("begin mmm")) << text;
  EXPECT_TRUE(text.ends_with("m?" + end)) << text;
  EXPECT_NE(text.find("…"), std::string::npos);
  const std::string whole(1000, 'x');
  EXPECT_EQ(printable_message(whole), whole);
}

TEST(names, a_plain_name_is_no_path) {
  for (const char* name : {"unet", "text_encoder_2", "..unet", "Grüße", ".hidden"})
    EXPECT_TRUE(is_plain_name(name)) << name;
  for (const char* name : {"", ".", "..", "/etc", "../x", "a/b", "unet/", "a\nb"})
    EXPECT_FALSE(is_plain_name(name)) << name;
  EXPECT_FALSE(is_plain_name(std::string("unet\0x", 6)));
}

}  // namespace names_test
}  // namespace gamut
