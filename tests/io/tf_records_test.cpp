// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/tf_records.h"

#include <gtest/gtest.h>

#include <string>

namespace gamut::io {
namespace tf_records_test {

TEST(tf_records, come_back_one_after_another) {
  const std::string bytes =
      framed_record("first") + framed_record("") + framed_record(std::string(1000, 'x'));
  const auto first = record_at(bytes, 0);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->data, "first");
  EXPECT_EQ(first->end, 8 + 4 + 5 + 4u);
  const auto second = record_at(bytes, first->end);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->data, "");
  const auto third = record_at(bytes, second->end);
  ASSERT_TRUE(third);
  EXPECT_EQ(third->data.size(), 1000u);
  EXPECT_FALSE(record_at(bytes, third->end));
  EXPECT_FALSE(record_at(bytes, bytes.size() + 1));
}

TEST(tf_records, every_flipped_bit_and_every_missing_byte_is_noticed) {
  const std::string whole = framed_record("some data");
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_FALSE(record_at(whole.substr(0, i), 0)) << i;
    for (int bit = 0; bit < 8; ++bit) {
      std::string spoilt = whole;
      spoilt[i] = char(spoilt[i] ^ (1 << bit));
      EXPECT_FALSE(record_at(spoilt, 0)) << i << ", bit " << bit;
    }
  }
}

}  // namespace tf_records_test
}  // namespace gamut::io
