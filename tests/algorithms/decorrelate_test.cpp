// SPDX-License-Identifier: Apache-2.0
// The property that the fit is there for, and the fit itself against LibTorch's least squares.
#include "gamut/algorithms/decorrelate.h"

#include "gamut/core/random.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace gamut::algorithms {
namespace {

using Values = std::vector<double>;

struct Drawn {
  Values advantages = {};
  at::Tensor look_BF = {};
  std::vector<int64_t> sizes;
};

// Advantages that partly follow the look; each group lies elsewhere in look and has mean advantage 0.
Drawn draw(uint64_t seed, int64_t features) {
  Stream stream(seed, "test");
  Drawn out{.sizes = {16, 9, 12, 16}};
  Values look;
  for (size_t g = 0; g < out.sizes.size(); ++g) {
    const size_t start = out.advantages.size();
    double sum = 0;
    for (int64_t j = 0; j < out.sizes[g]; ++j) {
      double value = stream.normal();
      for (int64_t f = 0; f < features; ++f) {
        const double deviation = stream.normal();
        look.push_back(deviation + 10 * double(g));
        value += 0.5 * deviation + 0.3 * deviation * deviation;
      }
      sum += value;
      out.advantages.push_back(value);
    }
    for (size_t j = start; j < out.advantages.size(); ++j) out.advantages[j] -= sum / double(out.sizes[g]);
  }
  out.look_BF = at::tensor(look, at::kDouble).reshape({-1, features});
  return out;
}

// Regressors within groups, [B, F] or [B, 2 F].
at::Tensor regressors(const Drawn& drawn, const std::string& form) {
  std::vector<at::Tensor> parts;
  int64_t start = 0;
  for (const int64_t size : drawn.sizes) {
    const at::Tensor rows = drawn.look_BF.slice(0, start, start + size);
    const at::Tensor linear = rows - rows.mean(0, true);
    parts.push_back(form == "linear" ? linear
                                     : at::cat({linear, linear.square() - linear.square().mean(0, true)}, 1));
    start += size;
  }
  return at::cat(parts);
}

double largest_covariance(const Drawn& drawn, const Values& advantages, const std::string& form) {
  const at::Tensor a_B = at::tensor(advantages, at::kDouble);
  return (regressors(drawn, form) * a_B.unsqueeze(1)).mean(0).abs().max().item<double>();
}

TEST(decorrelate, nothing_of_the_look_is_left) {
  for (uint64_t seed = 0; seed < 5; ++seed)
    for (const char* form : {"linear", "quadratic"}) {
      const Drawn drawn = draw(seed, 3);
      EXPECT_GT(largest_covariance(drawn, drawn.advantages, form), 0.1);
      const Values exact = decorrelate(drawn.advantages, drawn.look_BF, drawn.sizes, form, 0);
      EXPECT_LT(largest_covariance(drawn, exact, form), 1e-12);
      // The ridge of 1e-3 leaves about that share.
      const Values usual = decorrelate(drawn.advantages, drawn.look_BF, drawn.sizes, form);
      EXPECT_LT(largest_covariance(drawn, usual, form), 1e-2);
    }
  // The linear fit leaves the spread to move.
  const Drawn drawn = draw(1, 3);
  EXPECT_GT(largest_covariance(drawn, decorrelate(drawn.advantages, drawn.look_BF, drawn.sizes, "linear"),
                               "quadratic"),
            0.1);
}

TEST(decorrelate, residuals_are_those_of_least_squares) {
  const Drawn drawn = draw(9, 2);
  const at::Tensor x_BF = regressors(drawn, "quadratic"),
                   a_B1 = at::tensor(drawn.advantages, at::kDouble).unsqueeze(1);
  const at::Tensor expected =
      (a_B1 - x_BF.mm(std::get<0>(at::linalg_lstsq(x_BF, a_B1)))).squeeze(1).contiguous();
  const Values got = decorrelate(drawn.advantages, drawn.look_BF, drawn.sizes, "quadratic", 0);
  for (size_t j = 0; j < got.size(); ++j) EXPECT_NEAR(got[j], expected[int64_t(j)].item<double>(), 1e-10);
}

TEST(decorrelate, group_means_stay_and_prompts_may_differ_freely) {
  const Drawn drawn = draw(2, 3);
  const Values got = decorrelate(drawn.advantages, drawn.look_BF, drawn.sizes, "quadratic");
  size_t row = 0;
  for (const int64_t size : drawn.sizes) {
    double sum = 0;
    for (int64_t j = 0; j < size; ++j) sum += got[row++];
    EXPECT_NEAR(sum, 0, 1e-10);
  }
  Drawn moved = drawn;
  moved.look_BF = drawn.look_BF.clone();
  moved.look_BF.slice(0, 16, 25).add_(100);
  const Values again = decorrelate(moved.advantages, moved.look_BF, moved.sizes, "quadratic");
  for (size_t j = 0; j < got.size(); ++j) EXPECT_NEAR(again[j], got[j], 1e-10);
}

TEST(decorrelate, groups_without_a_signal_get_none) {
  Drawn drawn = draw(3, 2);
  for (size_t j = 16; j < 25; ++j) drawn.advantages[j] = 0;
  const Values got = decorrelate(drawn.advantages, drawn.look_BF, drawn.sizes, "linear");
  for (size_t j = 16; j < 25; ++j) EXPECT_EQ(got[j], 0);
  EXPECT_NE(got[0], drawn.advantages[0]);
}

TEST(decorrelate, too_few_members_or_no_spread_change_nothing) {
  const Values three{1, -2, 1};
  const at::Tensor look = at::tensor({1., 2., 4., 3., 1., 0.}, at::kDouble).reshape({3, 2});
  EXPECT_EQ(decorrelate(three, look, {3}, "linear"), three);
  EXPECT_EQ(decorrelate(three, at::ones({3, 1}, at::kDouble), {3}, "linear"), three);
  EXPECT_EQ(decorrelate(three, look, {3}, "none"), three);
  EXPECT_EQ(decorrelate({}, look, {}, "linear"), Values{});
}

// Principal components beyond the rank of the features hold rounding alone, which no fit may blow up.
TEST(decorrelate, rounding_is_no_regressor) {
  const Drawn drawn = draw(5, 2);
  Stream stream(6, "test");
  std::vector<double> noise(drawn.advantages.size());
  for (double& value : noise) value = 1e-15 * stream.normal();
  const at::Tensor with = at::cat({drawn.look_BF, at::tensor(noise, at::kDouble).unsqueeze(1)}, 1);
  for (const char* form : {"linear", "quadratic"})
    EXPECT_EQ(decorrelate(drawn.advantages, with, drawn.sizes, form),
              decorrelate(drawn.advantages, drawn.look_BF, drawn.sizes, form));
}

TEST(decorrelate, the_same_regressor_twice_is_one) {
  const Drawn drawn = draw(4, 1);
  const at::Tensor twice = at::cat({drawn.look_BF, drawn.look_BF}, 1);
  for (const double ridge : {0.0, 1e-12}) {
    const Values once = decorrelate(drawn.advantages, drawn.look_BF, drawn.sizes, "linear", ridge);
    const Values doubled = decorrelate(drawn.advantages, twice, drawn.sizes, "linear", ridge);
    for (size_t j = 0; j < once.size(); ++j) EXPECT_NEAR(doubled[j], once[j], 1e-9);
  }
}

}  // namespace
}  // namespace gamut::algorithms
