// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/tiny_font.h"

#include <gtest/gtest.h>

#include <set>

namespace gamut::io {
namespace tiny_font_test {

// Rows of '#' and '.', for messages that can be looked at.
std::string drawn(std::string_view text, int64_t width, int64_t height, int64_t left = 0, int64_t top = 0,
                  const TextStyle& style = {}) {
  Image image = Image::filled(width, height, 255, 255, 255);
  draw_text(image, left, top, text, style);
  std::string picture;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) picture += *image.at(x, y) == style.gray ? '#' : '.';
    picture += '\n';
  }
  return picture;
}

TEST(tiny_font, draws_letters_upright) {
  EXPECT_EQ(drawn("F7", 11, 7),
            "#####.#####\n"
            "#.........#\n"
            "#........#.\n"
            "####.....#.\n"
            "#.......#..\n"
            "#.......#..\n"
            "#.......#..\n");
}

TEST(tiny_font, enlarges) {
  EXPECT_EQ(drawn("'", 10, 4, 0, 0, {.scale = 2, .gray = 9}),
            "....##....\n....##....\n....##....\n....##....\n");
}

TEST(tiny_font, all_printable_characters_differ) {
  std::set<std::string> pictures;
  for (char c = ' '; c <= '~'; ++c) pictures.insert(drawn(std::string(1, c), 5, 7));
  EXPECT_EQ(pictures.size(), 95u);
}

TEST(tiny_font, other_characters_are_question_marks_of_one_letter) {
  EXPECT_EQ(drawn("aüb漢\n", 29, 7), drawn("a?b??", 29, 7));
  EXPECT_EQ(text_width("aüb漢\n", 1), 29);
}

TEST(tiny_font, width_counts_letters_and_the_space_between_them) {
  EXPECT_EQ(text_width("", 3), 0);
  EXPECT_EQ(text_width("a", 3), 15);
  EXPECT_EQ(text_width("ab", 1), 11);
}

TEST(tiny_font, leaves_out_what_is_outside) {
  EXPECT_EQ(drawn("F", 3, 2, -1, -1), "...\n...\n");
  EXPECT_EQ(drawn("F", 3, 2, 1, 0), ".##\n.#.\n");
}

}  // namespace tiny_font_test
}  // namespace gamut::io
