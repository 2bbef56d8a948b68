// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/conditioning.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gamut::models {
namespace conditioning_test {

Conditioning three_rows() {
  return {.parts = {{"hidden", at::arange(12, at::kFloat).view({3, 2, 2})},
                    {"pooled", at::arange(6, at::kFloat).view({3, 2})},
                    {"guidance", at::tensor({3.5F, 4.5F, 5.5F})}}};
}

// Every part of `got` is that of three_rows() at these rows.
void expect_rows(const Conditioning& got, const std::vector<int64_t>& rows) {
  const Conditioning all = three_rows();
  ASSERT_EQ(got.parts.size(), all.parts.size());
  EXPECT_EQ(got.num_rows(), int64_t(rows.size()));
  for (const auto& [name, part] : all.parts)
    EXPECT_TRUE(at::equal(got.part(name), part.index_select(0, at::tensor(rows, at::kLong)))) << name;
}

TEST(conditioning, every_operation_treats_every_part) {
  const Conditioning all = three_rows();
  expect_rows(all.repeat(2), {0, 0, 1, 1, 2, 2});
  expect_rows(all.rows(1, 2), {1, 2});
  expect_rows(all.index_select(at::tensor({2, 0, 0}, at::kLong)), {2, 0, 0});
  expect_rows(Conditioning::cat({all.rows(2, 1), all, all.rows(0, 1)}), {2, 0, 1, 2, 0});
  const Conditioning meta = all.to(at::kMeta);
  ASSERT_EQ(meta.parts.size(), 3u);
  for (const auto& [name, part] : meta.parts) EXPECT_TRUE(part.is_meta()) << name;
}

TEST(conditioning, a_part_is_put_in_its_place_and_the_others_stay) {
  const Conditioning all = three_rows(), other = all.with("hidden", at::zeros({3, 1, 1}));
  EXPECT_EQ(other.hidden().sizes(), at::IntArrayRef({3, 1, 1}));
  EXPECT_TRUE(at::equal(other.part("pooled"), all.part("pooled")));
  EXPECT_EQ(all.hidden().sizes(), at::IntArrayRef({3, 2, 2}));
}

TEST(conditioning, what_is_missing_is_never_left_out_in_silence) {
  const Conditioning all = three_rows();
  EXPECT_THROW(all.part("style"), InternalError);
  const Conditioning lone{.parts = {{"hidden", all.hidden()}}};
  EXPECT_THROW(Conditioning::cat({all, lone}), InternalError);
  EXPECT_THROW(Conditioning::cat({lone, all}), InternalError);
}

}  // namespace conditioning_test
}  // namespace gamut::models
