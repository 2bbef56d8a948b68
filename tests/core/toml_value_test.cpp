// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/toml_value.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace gamut {
namespace toml_value_test {

template <class T>
T parsed(std::string_view text) {
  return std::get<T>(parse_toml_value(text).data);
}

TEST(toml_value, formats_doubles_as_people_write_them) {
  EXPECT_EQ(format_toml(1.0), "1.0");
  EXPECT_EQ(format_toml(0.7), "0.7");
  EXPECT_EQ(format_toml(-0.0), "-0.0");
  EXPECT_EQ(format_toml(1e-4), "1e-4");
  EXPECT_EQ(format_toml(2.5e-7), "2.5e-7");
  EXPECT_EQ(format_toml(1e20), "1e20");
  EXPECT_EQ(format_toml(1e100), "1e100");
  EXPECT_EQ(format_toml(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(format_toml(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(format_toml(std::nan("")), "nan");
}

TEST(toml_value, doubles_read_back_to_the_same_bits) {
  Stream stream(1, "toml_value");
  for (int i = 0; i < 2000; ++i) {
    const double value = std::bit_cast<double>(stream.bits64());
    if (std::isnan(value)) continue;
    EXPECT_EQ(std::bit_cast<uint64_t>(parsed<double>(format_toml(value))), std::bit_cast<uint64_t>(value))
        << format_toml(value);
  }
}

TEST(toml_value, integers_and_booleans_read_back) {
  for (const int64_t value :
       {std::numeric_limits<int64_t>::min(), int64_t{-1}, int64_t{0}, std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(parsed<int64_t>(format_toml(value)), value);
  }
  EXPECT_TRUE(parsed<bool>(format_toml(true)));
  EXPECT_FALSE(parsed<bool>(format_toml(false)));
}

TEST(toml_value, strings_read_back_whatever_they_hold) {
  std::string all;
  for (char c = 1; c != 127; ++c) all += c;
  for (const std::string& text : {std::string(), std::string("a\0b", 3), all, std::string("\x7f\"\\ü漢")}) {
    EXPECT_EQ(parsed<std::string>(format_toml(text)), text);
    EXPECT_EQ(format_toml(text).find('\n'), std::string::npos);
  }
}

TEST(toml_value, lists_read_back) {
  EXPECT_EQ(format_toml(std::vector<int64_t>{}), "[]");
  EXPECT_EQ(format_toml(std::vector<double>{1, 0.5}), "[1.0, 0.5]");
  const auto list = parsed<TomlValue::List>(format_toml(std::vector<std::string>{"a", "b, c"}));
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(std::get<std::string>(list[1].data), "b, c");
}

TEST(toml_value, refuses_anything_but_one_value) {
  for (const char* text : {"", "1 2", "abc", "1\nw = 2", "[1", "v = 1"}) {
    EXPECT_NE(testing::message_of<ConfigError>([&] { parse_toml_value(text); }).find("malformed TOML value"),
              std::string::npos)
        << text;
  }
}

TEST(toml_value, dates_and_tables_are_other_values) {
  EXPECT_TRUE(std::holds_alternative<OtherToml>(parse_toml_value("1979-05-27").data));
  EXPECT_TRUE(std::holds_alternative<OtherToml>(parse_toml_value("{ a = 1 }").data));
}

}  // namespace toml_value_test
}  // namespace gamut
