// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"

#include "support/message_of.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace gamut {
namespace error_test {

TEST(error, message_begins_with_the_place) {
  EXPECT_STREQ(DataError("io", "rule was broken; got 3").what(), "[io] rule was broken; got 3");
}

TEST(error, each_class_has_its_exit_code) {
  EXPECT_EQ(int(ConfigError("a", "b").code()), 2);
  EXPECT_EQ(int(DataError("a", "b").code()), 3);
  EXPECT_EQ(int(EnvironmentError("a", "b").code()), 4);
  EXPECT_EQ(int(NumericalError("a", "b").code()), 5);
  EXPECT_EQ(int(InternalError("a", "b").code()), 70);
}

TEST(error, cat_joins_values_of_any_type) {
  EXPECT_EQ(cat("got ", 3, " of ", 2.5, ", ", std::string("x"), ", ", 123456789.0),
            "got 3 of 2.5, x, 123456789");
}

TEST(error, check_throws_an_internal_error_with_expression_place_and_details) {
  const std::string message = testing::message_of<InternalError>([] {
    const int rows = 3;
    GAMUT_CHECK(rows == 4, "rows is ", rows);
  });
  EXPECT_NE(message.find("[internal] "), std::string::npos) << message;
  EXPECT_NE(message.find("error_test.cpp:"), std::string::npos) << message;
  EXPECT_NE(message.find("check 'rows == 4' failed; rows is 3"), std::string::npos) << message;
  EXPECT_NO_THROW(GAMUT_CHECK(true));
}

TEST(error, a_message_is_one_printable_line) {
  EXPECT_STREQ(DataError("a\nb", "tensor '\x1b[2J' is unknown\r\n").what(),
               "[a?b] tensor '?[2J' is unknown??");
  EXPECT_LE(std::string(DataError("io", std::string(1 << 20, 'm')).what()).size(), 1010u);
}

TEST(error, many_mistakes_are_counted) {
  EXPECT_STREQ(ConfigError("config", std::vector<std::string>{"one", "two\n"}).what(),
               "[config] one\n[config] two?");
  const std::string text = ConfigError("config", std::vector<std::string>(20'000, "wrong")).what();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 10);
  EXPECT_TRUE(text.ends_with("\n[config] and 19990 more")) << text;
}

TEST(error, advice_stands_at_the_end) {
  const DataError first("io", "the file is cut");
  const DataError again(first, "remove it");
  EXPECT_STREQ(again.what(), "[io] the file is cut; remove it");
  EXPECT_EQ(again.code(), ExitCode::kData);
}

}  // namespace error_test
}  // namespace gamut
