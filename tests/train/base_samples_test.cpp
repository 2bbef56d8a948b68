// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/base_samples.h"

#include "support/message_of.h"
#include "tiny_training.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::train {
namespace base_samples_test {

// Cells' means and pairs by hand.
TEST(base_samples, pooled_variety_is_the_mean_root_difference_of_cells) {
  at::manual_seed(1);
  const at::Tensor latents = at::randn({4, 2, 4, 4}, at::kDouble);
  double expected = 0, pairs = 0;
  for (int64_t a = 0; a < 4; ++a)
    for (int64_t b = a + 1; b < 4; ++b) {
      double squares = 0;
      for (int64_t c = 0; c < 2; ++c)
        for (int64_t y = 0; y < 4; y += 2)
          for (int64_t x = 0; x < 4; x += 2) {
            const auto cell = [&](int64_t n) {
              return latents[n][c].narrow(0, y, 2).narrow(1, x, 2).mean().item<double>();
            };
            squares += std::pow(cell(a) - cell(b), 2);
          }
      expected += std::sqrt(squares / 8);
      pairs += 1;
    }
  EXPECT_NEAR(pooled_variety(latents, 2), expected / pairs, 1e-12);
  EXPECT_EQ(pooled_variety(latents.narrow(0, 0, 1), 2), 0);
  EXPECT_NEAR(pooled_variety(latents * 0.5, 4), pooled_variety(latents, 4) / 2, 1e-12);
}

TrainConfig following() {
  TrainConfig config = tiny_config("awm");
  config.slots.loss.clip_range = 1;
  config.slots.regularizer = {.kind = "kl_x0", .weight = 1, .pool = 2, .kept_share = 0.95, .kept_rate = 3};
  config.rollout.base_samples = 5;
  return config;
}

TEST(base_samples, the_first_iteration_keeps_about_all_and_the_weight_follows) {
  TinyRun run(following());
  const std::vector<StepReport> reports = run.iterate(3);
  // The first iteration's pictures are the base's own, of other noise.
  EXPECT_NEAR(reports[0].kept_share.value(), 1, 0.5);
  double log_factor = 0;
  for (const StepReport& report : reports) {
    log_factor += 3 * (0.95 - *report.kept_share);
    EXPECT_NEAR(*report.anchor_weight, std::exp(log_factor), 1e-9);
  }
  EXPECT_FALSE(TinyRun(tiny_config("awm")).iterate(1)[0].anchor_weight.has_value());
}

// Nothing but the weight of the anchor is changed: a factor that cannot move trains as a constant weight
// does.
TEST(base_samples, a_range_of_one_is_a_constant_weight) {
  TrainConfig still = following(), constant = following();
  still.slots.regularizer.kept_range = 1;
  constant.slots.regularizer.kept_share = 0;
  TinyRun one(still), two(constant);
  one.iterate(2);
  two.iterate(2);
  for (size_t i = 0; i < one.weights().size(); ++i)
    EXPECT_TRUE(at::equal(one.weights()[i], two.weights()[i]));
}

TEST(base_samples, what_compares_needs_something_to_compare) {
  TrainConfig config = following();
  config.slots.regularizer.kind = "none";
  EXPECT_EQ(testing::message_of<ConfigError>([&] { TinyRun run(config); }),
            "[regularizer] kept_share moves the regularizer's weight, and regularizer.kind or weight is off; "
            "set both, or "
            "kept_share = 0");
  config = tiny_config("tmpo");
  config.rollout.updates = 3;
  EXPECT_EQ(testing::message_of<ConfigError>([&] { TinyRun run(config); }),
            "[advantage] kind = \"tmpo\" compares a group's log-probabilities under the policy that drew it, "
            "and after an "
            "update they are others; got rollout.updates = 3; expected 1");
}

TEST(base_samples, the_discrepancy_is_taken_to_them) {
  TrainConfig config = tiny_config();
  config.slots.shaping = {.kind = "mmd", .weight = 1};
  config.rollout.base_samples = 6;
  TinyRun run(config);
  const StepReport report = run.iterate(2)[1];
  EXPECT_GT(report.bonus_std.value(), 0);
  EXPECT_LT(*report.bonus_std, 1);
}

// Every distance by hand: what a prompt looks like is taken out, and all that is left is compared with all.
TEST(base_samples, a_batch_is_compared_prompt_by_prompt_and_together) {
  at::manual_seed(4);
  BaseSamples base;
  base.means_PD = at::randn({2, 3}, at::kDouble);
  base.centered_MD = at::randn({7, 3}, at::kDouble);
  base.width = 0.8;
  const std::vector<SampleRow> rows{{.key = {.prompt = 1}, .slot = 0},
                                    {.key = {.prompt = 1}, .slot = 0},
                                    {.key = {.prompt = 0}, .slot = 1},
                                    {.key = {.prompt = 0}, .slot = 1}};
  const at::Tensor features = at::randn({4, 3});
  const std::vector<double> witness = batch_witness(features, rows, base, 0.5);
  const auto look = [&](size_t row) {
    const at::Tensor f = features[int64_t(row)].to(at::kDouble);
    return f / f.norm() - base.means_PD[rows[row].key.prompt];
  };
  const auto kernel = [](const at::Tensor& a, const at::Tensor& b) {
    return std::exp(-(a - b).square().sum().item<double>() / (2 * 0.4 * 0.4));
  };
  for (size_t j = 0; j < 4; ++j) {
    double theirs = 0, ours = 0;
    for (int64_t m = 0; m < 7; ++m) theirs += kernel(look(j), base.centered_MD[m]) / 7;
    for (size_t i = 0; i < 4; ++i)
      if (i != j) ours += kernel(look(j), look(i)) / 3;
    EXPECT_NEAR(witness[j], theirs - ours, 1e-6);
  }
}

// Two prompts whose pictures differ in length alone within a pair: what is left is by hand.
TEST(base_samples, a_prompt_is_centered_on_its_own_mean) {
  BaseSamples base;
  base.features_MD = {at::tensor({2.0, 0.0, 0.0, 3.0}, at::kDouble).view({2, 2}),
                      at::tensor({-5.0, 0.0, 1.0, 0.0}, at::kDouble).view({2, 2})};
  base.widths = {1, 2};  // 1 - cos of each pair
  center(base);
  const auto expect = [](const at::Tensor& got, const std::vector<double>& wanted) {
    EXPECT_TRUE(at::allclose(got.flatten(), at::tensor(wanted, at::kDouble))) << got;
  };
  expect(base.means_PD, {0.5, 0.5, 0, 0});
  expect(base.centered_MD, {0.5, -0.5, -0.5, 0.5, -1, 0, 1, 0});
  EXPECT_DOUBLE_EQ(base.width, std::sqrt(2.0));  // of sqrt(2) and 2, the lower one
}

TEST(base_samples, scope_and_width_of_the_discrepancy_act) {
  const auto bonus = [](const std::string& scope, double width) {
    TrainConfig config = tiny_config();
    config.slots.shaping = {.kind = "mmd", .weight = 1, .scope = scope, .width = width};
    config.rollout.base_samples = 6;
    TinyRun run(config);
    return run.iterate(1)[0].bonus_std.value();
  };
  const double group = bonus("group", 1), batch = bonus("batch", 1);
  for (const double one : {group, batch}) {
    EXPECT_GT(one, 0);
    EXPECT_LT(one, 1);
  }
  EXPECT_NE(group, batch);
  EXPECT_NE(group, bonus("group", 0.5));
  EXPECT_NE(batch, bonus("batch", 0.5));
}

}  // namespace base_samples_test
}  // namespace gamut::train
