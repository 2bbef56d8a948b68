// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/conditioning.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace gamut::algorithms {
namespace conditioning_test {

using diffusion::SampleKey;
using diffusion::Step;
using testing::message_of;

constexpr int64_t kSteps = 10;

ConditioningConfig noisy() { return {.kind = "annealed_noise"}; }

Step at_step(int64_t index) { return {.index = index, .sigma = 1 - double(index) / kSteps}; }

std::vector<SampleKey> keys(int64_t count) {
  std::vector<SampleKey> out;
  for (int64_t member = 0; member < count; ++member) out.push_back({3, 2, member});
  return out;
}

ConditioningNoise noise_of(const ConditioningConfig& config, std::vector<SampleKey> rows,
                           int64_t iteration = 0) {
  return {config, 11, std::move(rows), iteration, 100, kSteps};
}

// tau1 = 0.6, tau2 = 0.9: steps 0 and 1 are at full noise, from step 4 on the prompt is clean.
TEST(conditioning, the_noise_fades_from_tau2_to_tau1) {
  const std::vector<double> expected{0, 0, 1.0 / 3, 2.0 / 3, 1, 1, 1, 1, 1, 1};
  for (int64_t i = 0; i < kSteps; ++i)
    EXPECT_NEAR(anneal(noisy(), at_step(i), kSteps), expected[size_t(i)], 1e-12) << i;
}

TEST(conditioning, time_can_be_the_noise_level) {
  ConditioningConfig config = noisy();
  config.time = "sigma";
  EXPECT_NEAR(anneal(config, {.index = 9, .sigma = 0.75}, kSteps), 0.5, 1e-12);
  EXPECT_EQ(anneal(config, {.index = 0, .sigma = 0.6}, kSteps), 1.0);
}

TEST(conditioning, the_strength_falls_to_nothing_over_the_run) {
  ConditioningConfig config = noisy();
  EXPECT_EQ(strength_at(config, 70, 100), 1.0);
  config.anneal_axis = "both";
  config.iter_anneal = "linear";
  EXPECT_NEAR(strength_at(config, 25, 100), 0.75, 1e-12);
  config.iter_anneal = "cosine";
  EXPECT_EQ(strength_at(config, 0, 100), 1.0);
  EXPECT_NEAR(strength_at(config, 50, 100), 0.5, 1e-12);
  EXPECT_NEAR(strength_at(config, 100, 100), 0, 1e-12);
}

// Not a copy and not a sum with zeros: the very same tensor.
TEST(conditioning, a_clean_step_returns_the_same_tensor) {
  const at::Tensor hidden = at::randn({2, 3, 4});
  for (const char* form : {"additive", "cads"}) {
    ConditioningConfig config = noisy();
    config.form = form;
    for (int64_t i = 4; i < kSteps; ++i)
      EXPECT_TRUE(noise_of(config, keys(2)).perturb(hidden, at_step(i)).is_same(hidden)) << form << i;
    EXPECT_FALSE(noise_of(config, keys(2)).perturb(hidden, at_step(3)).is_same(hidden)) << form;
  }
  EXPECT_TRUE(noise_of({}, keys(2)).perturb(hidden, at_step(0)).is_same(hidden));
  ConditioningConfig off = noisy();
  off.strength = 0;
  EXPECT_TRUE(noise_of(off, keys(2)).perturb(hidden, at_step(0)).is_same(hidden));
}

// Whatever the batch it is in, a rollout sees the same embedding: to the bit.
TEST(conditioning, a_row_depends_on_its_key_alone) {
  const at::Tensor hidden = at::randn({5, 3, 4});
  for (const char* form : {"additive", "cads"}) {
    ConditioningConfig config = noisy();
    config.form = form;
    const ConditioningNoise whole = noise_of(config, keys(5));
    const std::vector<int64_t> rows{4, 1, 2};
    const ConditioningNoise some = noise_of(config, {{3, 2, 4}, {3, 2, 1}, {3, 2, 2}});
    for (int64_t i = 0; i < 4; ++i) {
      const at::Tensor all = whole.perturb(hidden, at_step(i));
      EXPECT_TRUE(at::equal(all, whole.perturb(hidden, at_step(i))));
      EXPECT_TRUE(at::equal(all.index_select(0, at::tensor(rows)),
                            some.perturb(hidden.index_select(0, at::tensor(rows)), at_step(i))))
          << form << i;
      EXPECT_TRUE(at::equal(all.narrow(0, 3, 1),
                            noise_of(config, {{3, 2, 3}}).perturb(hidden.narrow(0, 3, 1), at_step(i))));
    }
  }
}

// Tokens and the pooled vector each draw their own noise, in the same measure; what is no target keeps its
// bits.
TEST(conditioning, the_target_says_what_gets_noise) {
  const at::Tensor hidden = at::randn({4, 5, 64}), pooled = at::randn({4, 320});
  for (const char* target : {"both", "tokens", "pooled"}) {
    ConditioningConfig config = noisy();
    config.target = target;
    const ConditioningNoise noise = noise_of(config, keys(4));
    EXPECT_EQ(noise.perturb(hidden, at_step(0)).is_same(hidden), std::string(target) == "pooled");
    EXPECT_EQ(noise.perturb_pooled(pooled, at_step(0)).is_same(pooled), std::string(target) == "tokens");
    EXPECT_TRUE(noise.perturb_pooled(pooled, at_step(4)).is_same(pooled));
  }
  const ConditioningNoise noise = noise_of(noisy(), keys(4));
  const at::Tensor moved = noise.perturb_pooled(pooled, at_step(0)) - pooled;
  const at::Tensor size = (moved.square().mean(1) / pooled.square().mean(1)).sqrt();
  EXPECT_NEAR(size.mean().item<double>(), 0.1, 0.01);  // strength; 320 draws a row
  EXPECT_FALSE(at::allclose(moved.flatten(), (noise.perturb(hidden, at_step(0)) - hidden).flatten()));
  EXPECT_TRUE(at::equal(noise.perturb_pooled(pooled, at_step(0)).narrow(0, 2, 1),
                        noise_of(noisy(), {{3, 2, 2}}).perturb_pooled(pooled.narrow(0, 2, 1), at_step(0))));
}

TEST(conditioning, members_prompts_and_iterations_draw_differently) {
  const at::Tensor hidden = at::ones({4, 3, 4});
  const at::Tensor out =
      noise_of(noisy(), {{3, 2, 0}, {3, 2, 1}, {3, 5, 0}, {4, 2, 0}}).perturb(hidden, at_step(0));
  for (int64_t a = 0; a < 4; ++a)
    for (int64_t b = 0; b < a; ++b) EXPECT_FALSE(at::equal(out[a], out[b])) << a << b;
}

// One draw per trajectory: the steps' deviations are multiples of each other, (1 - g) apart.
TEST(conditioning, a_trajectory_keeps_its_draw_unless_told_otherwise) {
  const at::Tensor hidden = at::randn({2, 3, 4});
  ConditioningConfig config = noisy();
  const auto deviation = [&](int64_t i) {
    return noise_of(config, keys(2)).perturb(hidden, at_step(i)) - hidden;
  };
  EXPECT_TRUE(at::equal(deviation(0), deviation(1)));
  EXPECT_TRUE(at::allclose(deviation(2) * 1.5, deviation(0), 1e-5, 1e-6));
  config.resample = "step";
  EXPECT_FALSE(at::allclose(deviation(1), deviation(0), 0.1, 0.01));
}

// rms(c) is one row's: the noise of a row is strength x its rms, whatever its neighbours are.
TEST(conditioning, the_noise_has_the_stated_size) {
  at::Tensor hidden = at::randn({2, 40, 50});
  hidden[1] *= 7;
  const at::Tensor noise = noise_of(noisy(), keys(2)).perturb(hidden, at_step(0)) - hidden;
  for (int64_t row = 0; row < 2; ++row) {
    const double rms = std::sqrt(hidden[row].square().mean().item<double>());
    // 2000 normals: their rms is known to 1.6 %; five times that.
    EXPECT_NEAR(std::sqrt(noise[row].square().mean().item<double>()) / rms, 0.1, 0.008) << row;
  }
}

TEST(conditioning, cads_keeps_mean_and_spread_when_rescaled) {
  const at::Tensor hidden = at::randn({2, 3, 8}) * 2 + 1;
  ConditioningConfig config = noisy();
  config.form = "cads";
  const at::Tensor out = noise_of(config, keys(2)).perturb(hidden, at_step(1));
  EXPECT_TRUE(at::allclose(out.mean({1, 2}), hidden.mean({1, 2}), 1e-5, 1e-5));
  EXPECT_TRUE(at::allclose(out.std({1, 2}), hidden.std({1, 2}), 1e-5, 1e-5));
}

TEST(conditioning, an_all_equal_embedding_stays_finite) {
  ConditioningConfig config = noisy();
  config.form = "cads";
  config.strength = 0;
  for (const double level : {0.0, 2.0})
    EXPECT_TRUE(at::isfinite(noise_of(config, keys(2)).perturb(at::full({2, 3, 4}, level), at_step(0)))
                    .all()
                    .item<bool>());
}

TEST(conditioning, keeps_the_type_of_the_embedding) {
  const at::Tensor hidden = at::randn({1, 3, 4}).to(at::kBFloat16);
  EXPECT_EQ(noise_of(noisy(), keys(1)).perturb(hidden, at_step(0)).scalar_type(), at::kBFloat16);
}

std::string complaint(const ConditioningConfig& config) {
  return message_of<ConfigError>([&] { noise_of(config, keys(1)); });
}

TEST(conditioning, keys_that_contradict_each_other_are_refused) {
  EXPECT_EQ(complaint({.kind = "annealed_noise", .tau1 = 0.9, .tau2 = 0.6}),
            "[conditioning] tau1 must lie below tau2; got tau1 = 0.9, tau2 = 0.6");
  EXPECT_EQ(complaint({.kind = "annealed_noise", .strength = -0.5}),
            "[conditioning] strength must not be negative; got -0.5");
  EXPECT_EQ(complaint({.kind = "annealed_noise", .iter_anneal = "linear"}),
            "[conditioning] anneal_axis = \"step\" does not go with iter_anneal = \"linear\"; expected "
            "anneal_axis iter or both");
  EXPECT_EQ(complaint({.kind = "annealed_noise", .anneal_axis = "both"}),
            "[conditioning] anneal_axis = \"both\" does not go with iter_anneal = \"none\"; expected "
            "iter_anneal linear or cosine");
  EXPECT_EQ(complaint({.kind = "clean", .tau1 = 0.9, .tau2 = 0.6}), "nothing was thrown");
}

}  // namespace conditioning_test
}  // namespace gamut::algorithms
