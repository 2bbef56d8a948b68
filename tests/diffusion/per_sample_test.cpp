// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/per_sample.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gamut::diffusion {
namespace per_sample_test {

TEST(per_sample, any_rank_is_summed_over_all_but_the_batch) {
  const at::Tensor values = at::arange(48, at::kDouble);
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{2, 24}, {2, 4, 6}, {2, 3, 2, 4}, {2, 3, 2, 2, 2}}) {
    const at::Tensor x = values.view(shape);
    EXPECT_TRUE(at::equal(mean_per_sample(x), at::tensor({11.5, 35.5}, at::kDouble)));
    EXPECT_TRUE(at::equal(sum_per_sample(x), at::tensor({276.0, 852.0}, at::kDouble)));
    const at::Tensor scaled = x * per_sample(at::tensor({1.0, 10.0}, at::kDouble), x.dim());
    EXPECT_TRUE(at::equal(sum_per_sample(scaled), at::tensor({276.0, 8520.0}, at::kDouble)));
  }
}

// The bits of shipped recipes: the sum of a latent that lies channels-last is not that of its copy.
TEST(per_sample, means_are_taken_where_the_latent_lies) {
  const at::Tensor x = at::randn({3, 12, 16, 16}).contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_TRUE(at::equal(mean_per_sample(x), x.mean({1, 2, 3})));
}

}  // namespace per_sample_test
}  // namespace gamut::diffusion
