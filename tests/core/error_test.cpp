// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"

#include "support/message_of.h"

#include <gtest/gtest.h>

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

}  // namespace error_test
}  // namespace gamut
