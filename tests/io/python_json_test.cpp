// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/python_json.h"

#include <gtest/gtest.h>

namespace gamut::io {
namespace python_json_test {

TEST(python_json, words_for_numbers_are_replaced_outside_of_strings) {
  const auto as_null = [](std::string_view) { return "null"; };
  EXPECT_EQ(
      with_python_numbers("{\"a\": -Infinity, \"NaN\": [NaN,Infinity], \"b\": \"\\\"NaN\\\\\"}", as_null),
      "{\"a\": null, \"NaN\": [null,null], \"b\": \"\\\"NaN\\\\\"}");
  EXPECT_EQ(with_python_numbers("", as_null), "");
  EXPECT_EQ(with_python_numbers("\"\\", as_null), "\"\\");
}

}  // namespace python_json_test
}  // namespace gamut::io
