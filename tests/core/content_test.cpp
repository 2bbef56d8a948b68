// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/content.h"

#include <gtest/gtest.h>

namespace gamut {
namespace content_test {

using namespace std::string_literals;

TEST(content, names_what_is_no_weights_and_no_text) {
  EXPECT_EQ(foreign_content("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 3\n"),
            "a Git LFS pointer: run `git lfs pull` in the clone, or download the file itself");
  for (const std::string page :
       {"<!DOCTYPE html><html>", "\xEF\xBB\xBF\n <HTML lang=en>", "<?xml version=\"1.0\"?>"})
    EXPECT_TRUE(foreign_content(page).starts_with("a web page: ")) << page;
  EXPECT_TRUE(foreign_content("PK\x03\x04\x00\x00"s).starts_with("a zip archive, as torch.save writes"));
  EXPECT_TRUE(foreign_content("\x80\x02}q"s).starts_with("a Python pickle"));
  EXPECT_TRUE(foreign_content("GGUF\x03").starts_with("a GGUF file"));
  EXPECT_TRUE(foreign_content("\x89HDF\r\n").starts_with("an HDF5 file"));
  EXPECT_TRUE(foreign_content("\x1f\x8b\x08").starts_with("a gzip archive"));
}

TEST(content, leaves_ordinary_text_alone) {
  for (const std::string text : {"", "the digit 7", "version 2 of a sign", "<lora:x:1> a cat", "{\"a\": 1}"})
    EXPECT_EQ(foreign_content(text), "") << text;
}

TEST(content, finds_the_line_that_is_not_utf8) {
  EXPECT_EQ(utf8_problem("plain\n\xC3\xA9t\xC3\xA9 \xE2\x80\x9C \xF0\x9F\x98\x80\n"), "");
  EXPECT_EQ(utf8_problem("one\ntwo\ncaf\xE9\n"),
            "line 3 is not UTF-8; got the byte 0xE9; save the file as UTF-8");
  EXPECT_EQ(utf8_problem("\xFF\xFEt\0h\0"s),
            "line 1 is not UTF-8; got the byte 0xFF of UTF-16; save the file as UTF-8");
  // Overlong, a surrogate, beyond the last code point, cut off.
  for (const std::string bad : {"\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                "\xF5\x80\x80\x80", "a\xE2\x80", "\xF0\x9F\x98", "\x80"})
    EXPECT_NE(utf8_problem(bad), "");
  EXPECT_EQ(utf8_problem("\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF"), "");
}

TEST(content, drops_one_byte_order_mark) {
  EXPECT_EQ(without_mark("\xEF\xBB\xBFtext"), "text");
  EXPECT_EQ(without_mark("text\xEF\xBB\xBF"), "text\xEF\xBB\xBF");
}

}  // namespace content_test
}  // namespace gamut
