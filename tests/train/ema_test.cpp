// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/ema.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace gamut::train {
namespace ema_test {

using testing::message_of;

double average_of(const Ema& ema) { return ema.weights()[0].tensor.item<double>(); }

// The formula with a scalar in double; 1e-6 is fp32's rounding over forty updates of values up to 40.
TEST(ema, follows_the_formula) {
  for (const int64_t every : {1, 3, 8}) {
    at::Tensor weight = at::zeros({1});
    Ema ema({{"w", weight}}, {.decay = 0.6, .every = every});
    double expected = 0;
    for (int64_t s = 0; s < 40; ++s) {
      weight.fill_(double(s) + 1);
      ema.update(s + 1);
      if ((s + 1) % every == 0) {
        const double decay = std::min((1.0 + double(s)) / (10.0 + double(s)), 0.6);
        expected = decay * expected + (1 - decay) * (double(s) + 1);
      }
      EXPECT_NEAR(average_of(ema), expected, 1e-6 * (1 + expected)) << every << " at " << s;
    }
  }
}

TEST(ema, starts_as_a_copy) {
  at::Tensor weight = at::full({1}, 3.F);
  Ema ema({{"w", weight}}, {.decay = 0.9, .every = 8});
  weight.fill_(5);
  EXPECT_EQ(average_of(ema), 3.0);
  ema.update(7);
  EXPECT_EQ(average_of(ema), 3.0);
  ema.update(8);
  EXPECT_NEAR(average_of(ema), 3 + (1 - 8.0 / 17) * 2, 1e-6);
}

// 1 - d at update 6, s = 5: 1 - min(6 / 15, 0.9).
TEST(ema, the_end_takes_in_the_updates_since_the_last_application) {
  at::Tensor weight = at::full({1}, 3.F);
  Ema ema({{"w", weight}}, {.decay = 0.9, .every = 8});
  weight.fill_(5);
  for (int64_t done = 1; done <= 6; ++done) ema.update(done);
  EXPECT_EQ(average_of(ema), 3.0);
  EXPECT_NEAR(ema.final_weights(6)[0].tensor.item<double>(), 3 + (1 - 6.0 / 15) * 2, 1e-6);
  EXPECT_EQ(average_of(ema), 3.0);  // a run that goes on is not changed by having ended
  ema.update(8);
  EXPECT_EQ(ema.final_weights(8)[0].tensor.item<double>(), average_of(ema));
}

TEST(ema, decay_zero_is_the_current_weights) {
  at::Tensor weight = at::full({1}, 3.F);
  Ema ema({{"w", weight}}, {.decay = 0, .every = 8});
  for (int64_t done = 1; done <= 9; ++done) {
    weight.fill_(float(done));
    ema.update(done);
    EXPECT_EQ(average_of(ema), double(done));
  }
  ema.load({{"w", at::full({1}, 7.F)}});  // an average that lagged when it was written
  EXPECT_EQ(average_of(ema), 9.0);
}

TEST(ema, borrowed_weights_go_back_at_the_end) {
  const at::Tensor weight = at::tensor({1.F, 2.F}).requires_grad_(true), other = at::tensor({7.F, 8.F});
  const void* storage = weight.data_ptr();
  {
    const BorrowedWeights borrowed({{"w", weight}}, {{"w", other}});
    EXPECT_TRUE(at::equal(weight.detach(), other));
    EXPECT_EQ(weight.data_ptr(), storage);  // layers hold handles to it
  }
  EXPECT_TRUE(at::equal(weight.detach(), at::tensor({1.F, 2.F})));
  EXPECT_TRUE(weight.requires_grad());
  try {
    const BorrowedWeights borrowed({{"w", weight}}, {{"w", other}});
    throw 1;
  } catch (int) {
  }
  EXPECT_TRUE(at::equal(weight.detach(), at::tensor({1.F, 2.F})));
}

TEST(ema, weights_are_copied_by_name_or_refused) {
  const at::Tensor a = at::zeros({2}), b = at::zeros({3});
  const std::vector<nn::NamedTensor> params{{"a", a}, {"b", b}};
  copy_weights(params, {{"b", at::ones({3})}, {"a", at::full({2}, 2.F)}}, "test");
  EXPECT_EQ(a.sum().item<double>(), 4);
  EXPECT_EQ(b.sum().item<double>(), 3);
  EXPECT_EQ(message_of<DataError>([&] {
              copy_weights(params, {{"a", at::ones({2})}}, "test");
            }),
            "[test] tensor 'b' is missing; were the weights made for another model?");
  EXPECT_EQ(message_of<DataError>([&] {
              copy_weights(params, {{"a", at::ones({2})}, {"b", at::ones({2, 3})}}, "test");
            }),
            "[test] tensor 'b' has the wrong shape; got [2, 3]; expected [3]");
  EXPECT_EQ(
      message_of<DataError>([&] {
        copy_weights(params, {{"a", at::ones({2})}, {"b", at::ones({3})}, {"c", at::ones({1})}}, "test");
      }),
      "[test] the file holds 3 tensors; expected 2; were the weights made for another model?");
}

}  // namespace ema_test
}  // namespace gamut::train
