// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/rollout.h"

#include "gamut/core/error.h"
#include "gamut/diffusion/step.h"
#include "support/message_of.h"
#include "support/threads.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace gamut::diffusion {
namespace rollout_test {

const std::vector<int64_t> kShape{2, 3, 3};
const NoiseSource kSource{.seed = 9, .purpose = "rollout"};

std::vector<SampleKey> some_keys() {
  std::vector<SampleKey> keys;
  for (int64_t prompt = 0; prompt < 3; ++prompt)
    for (int64_t member = 0; member < 4; ++member)
      keys.push_back({.epoch = 5, .prompt = prompt, .member = member});
  return keys;
}

std::vector<Step> sde(int64_t steps = 6, double noise_level = 0.7) {
  return make_schedule({.kind = "flow_sde", .steps = steps, .noise_level = noise_level, .shift = 2});
}

// Any smooth function of latent and time.
at::Tensor some_velocity(const at::Tensor& x, const Step& step) {
  return at::tanh(x * 0.7 + step.sigma) - 0.3 * x;
}

Trajectories run(const std::vector<Step>& schedule, const std::vector<SampleKey>& keys,
                 RolloutOptions options = {}) {
  return rollout(
      schedule, initial_noise(kSource, keys, kShape), some_velocity,
      [&](int64_t step) { return step_noise(kSource, keys, kShape, step); }, options);
}

TEST(rollout, noise_belongs_to_the_key_not_to_the_batch) {
  const std::vector<SampleKey> keys = some_keys();
  const at::Tensor initial = initial_noise(kSource, keys, kShape),
                   later = step_noise(kSource, keys, kShape, 4);
  ASSERT_EQ(initial.sizes(), at::IntArrayRef({12, 2, 3, 3}));
  std::vector<SampleKey> reversed(keys.rbegin(), keys.rend());
  EXPECT_TRUE(at::equal(initial_noise(kSource, reversed, kShape).flip(0), initial));
  EXPECT_TRUE(at::equal(step_noise(kSource, reversed, kShape, 4).flip(0), later));
  for (int64_t b = 0; b < 12; ++b) {
    EXPECT_TRUE(at::equal(initial_noise(kSource, {keys[size_t(b)]}, kShape)[0], initial[b]));
    EXPECT_TRUE(at::equal(step_noise(kSource, {keys[size_t(b)]}, kShape, 4)[0], later[b]));
  }
}

TEST(rollout, every_coordinate_names_other_noise) {
  const SampleKey key{.epoch = 1, .prompt = 2, .member = 3};
  auto noise = [&](const NoiseSource& source, const SampleKey& k) {
    return initial_noise(source, {k}, kShape);
  };
  const std::vector<at::Tensor> all{noise(kSource, key),
                                    noise(kSource, {2, 2, 3}),
                                    noise(kSource, {1, 1, 3}),
                                    noise(kSource, {1, 2, 4}),
                                    noise(kSource, {1, 3, 2}),
                                    noise({.seed = 10, .purpose = "rollout"}, key),
                                    noise({.seed = 9, .purpose = "eval"}, key),
                                    step_noise(kSource, {key}, kShape, 0),
                                    step_noise(kSource, {key}, kShape, 1)};
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t j = 0; j < i; ++j) EXPECT_FALSE(at::allclose(all[i], all[j])) << i << " and " << j;
}

// 3 x 40000 values: the mean's standard error is 0.003, the variance's 0.004.
TEST(rollout, noise_is_standard_normal) {
  const at::Tensor noise = initial_noise(kSource, {{0, 0, 0}, {0, 0, 1}, {0, 1, 0}}, {4, 100, 100});
  EXPECT_NEAR(noise.mean().item<double>(), 0, 0.015);
  EXPECT_NEAR(noise.square().mean().item<double>(), 1, 0.02);
  EXPECT_NEAR((noise[0] * noise[1]).mean().item<double>(), 0, 0.025);
}

TEST(rollout, noise_does_not_depend_on_the_number_of_threads) {
  std::vector<at::Tensor> noise;
  for (const int count : {1, 2}) {
    const testing::Threads threads(count);
    noise.push_back(initial_noise(kSource, some_keys(), kShape));
  }
  EXPECT_TRUE(at::equal(noise[0], noise[1]));
}

TEST(rollout, latents_chain_and_log_probs_can_be_computed_again_bit_for_bit) {
  const std::vector<Step> schedule = sde();
  const std::vector<SampleKey> keys = some_keys();
  const Trajectories drawn = run(schedule, keys);
  ASSERT_EQ(drawn.latents.size(), schedule.size() + 1);
  ASSERT_EQ(drawn.log_probs.size(), schedule.size());
  EXPECT_TRUE(at::equal(drawn.latents[0], initial_noise(kSource, keys, kShape)));
  for (size_t i = 0; i < schedule.size(); ++i) {
    const at::Tensor& x = drawn.latents[i];
    const at::Tensor mean = step_mean(schedule[i], x, some_velocity(x, schedule[i]));
    const at::Tensor eps = (drawn.latents[i + 1] - mean) / schedule[i].noise_std;
    // The division undoes a rounding of the latent, magnified by 1 / n.
    EXPECT_TRUE(
        at::allclose(eps, step_noise(kSource, keys, kShape, int64_t(i)), 1e-5, 1e-6 / schedule[i].noise_std));
    EXPECT_TRUE(at::equal(step_log_prob(schedule[i], drawn.latents[i + 1], mean), drawn.log_probs[i]));
  }
  EXPECT_TRUE(at::equal(drawn.final_BCHW, drawn.latents.back()));
}

// Sampling with known noise, then the log-probability of the result: the stored one, for every sampler and
// scale.
TEST(rollout, stored_log_probs_are_those_of_the_stored_latents) {
  std::vector<SamplerConfig> samplers{{.kind = "dance_sde", .steps = 5, .noise_level = 0.3},
                                      {.kind = "cps", .steps = 5, .noise_level = 0.8},
                                      {.kind = "cps", .steps = 5, .noise_level = 0.8, .logprob = "released"},
                                      {.kind = "ddim", .steps = 5}};
  for (const SamplerConfig& config : samplers) {
    const std::vector<Step> schedule = make_schedule(config);
    const Trajectories drawn = run(schedule, some_keys(), {.keep_means = true, .keep_clean = true});
    ASSERT_EQ(drawn.means.size(), schedule.size());
    ASSERT_EQ(drawn.clean.size(), schedule.size());
    for (size_t i = 0; i < schedule.size(); ++i) {
      const at::Tensor& x = drawn.latents[i];
      const at::Tensor out = some_velocity(x, schedule[i]), mean = step_mean(schedule[i], x, out);
      EXPECT_TRUE(at::equal(drawn.means[i], mean)) << config.kind << i;
      EXPECT_TRUE(at::equal(drawn.clean[i], predicted_clean(schedule[i], x, out))) << config.kind << i;
      ASSERT_EQ(drawn.log_probs[i].defined(), schedule[i].noise_std > 0) << config.kind << i;
      if (schedule[i].noise_std == 0) {
        EXPECT_TRUE(at::equal(drawn.latents[i + 1], mean));
      } else {
        EXPECT_TRUE(at::equal(step_log_prob(schedule[i], drawn.latents[i + 1], mean), drawn.log_probs[i]));
      }
    }
  }
}

TEST(rollout, means_and_clean_latents_are_kept_on_request_only) {
  const Trajectories plain = run(sde(), some_keys());
  EXPECT_TRUE(plain.means.empty());
  EXPECT_TRUE(plain.clean.empty());
  const Trajectories clean = run(sde(), some_keys(), {.keep_latents = false, .keep_clean = true});
  EXPECT_TRUE(clean.latents.empty());
  EXPECT_TRUE(clean.means.empty());
  ASSERT_EQ(clean.clean.size(), 6u);
  EXPECT_TRUE(at::equal(clean.clean.back(), run(sde(), some_keys(), {.decode_clean = true}).final_BCHW));
}

TEST(rollout, starting_noise_can_be_shared_by_a_group_or_by_all) {
  const std::vector<SampleKey> keys = some_keys();  // 3 prompts of 4 members
  auto noise = [&](const std::string& sharing) {
    return initial_noise(kSource, shared_keys(keys, sharing), kShape).view({3, 4, 2, 3, 3});
  };
  const at::Tensor member = noise("member"), group = noise("group"), batch = noise("batch");
  EXPECT_TRUE(at::equal(member.view({12, 2, 3, 3}), initial_noise(kSource, keys, kShape)));
  EXPECT_TRUE(at::equal(group, group.narrow(1, 0, 1).expand_as(group)));
  EXPECT_FALSE(at::allclose(group[0][0], group[1][0]));
  EXPECT_TRUE(at::equal(batch, batch[0][0].expand_as(batch)));
  for (int64_t prompt = 0; prompt < 3; ++prompt)
    for (int64_t m = 0; m < 4; ++m) EXPECT_FALSE(at::allclose(group[prompt][0], member[prompt][m]));
  EXPECT_FALSE(
      at::allclose(initial_noise(kSource, shared_keys({{6, 0, 0}}, "batch"), kShape)[0], batch[0][0]));
  EXPECT_EQ(testing::message_of<ConfigError>([&] { shared_keys(keys, "device"); }),
            "[sampler] unknown initial_noise 'device'; expected member, group or batch");
}

TEST(rollout, the_same_keys_give_the_same_trajectory_in_any_batch) {
  const std::vector<SampleKey> keys = some_keys();
  const Trajectories whole = run(sde(), keys);
  for (const auto& [begin, count] : {std::pair<size_t, size_t>{0, 1}, {3, 5}, {11, 1}}) {
    const std::vector<SampleKey> some(keys.begin() + long(begin), keys.begin() + long(begin + count));
    EXPECT_TRUE(at::allclose(run(sde(), some).final_BCHW,
                             whole.final_BCHW.narrow(0, int64_t(begin), int64_t(count)), 1e-6,
                             1e-6));  // vectorized tanh rounds by a value's place in memory
  }
}

// The same noise for all members of a group does not make their steps' noise the same.
TEST(rollout, members_with_one_start_still_part) {
  const std::vector<SampleKey> keys = some_keys();
  const Trajectories drawn =
      rollout(sde(), initial_noise(kSource, shared_keys(keys, "group"), kShape), some_velocity,
              [&](int64_t step) { return step_noise(kSource, keys, kShape, step); }, {});
  EXPECT_TRUE(at::equal(drawn.latents[0][0], drawn.latents[0][1]));
  EXPECT_FALSE(at::allclose(drawn.latents[1][0], drawn.latents[1][1]));
}

TEST(rollout, evaluation_keeps_nothing_and_ends_at_the_same_latent) {
  const Trajectories kept = run(sde(), some_keys());
  const Trajectories light = run(sde(), some_keys(), {.keep_latents = false});
  EXPECT_TRUE(light.latents.empty());
  EXPECT_TRUE(light.log_probs.empty());
  EXPECT_TRUE(at::equal(light.final_BCHW, kept.final_BCHW));
}

TEST(rollout, the_clean_prediction_of_the_last_step_can_be_decoded) {
  const std::vector<Step> schedule = sde();
  const Trajectories drawn = run(schedule, some_keys(), {.decode_clean = true});
  const at::Tensor& x = drawn.latents[schedule.size() - 1];
  EXPECT_TRUE(
      at::equal(drawn.final_BCHW, predicted_clean(schedule.back(), x, some_velocity(x, schedule.back()))));
  EXPECT_FALSE(at::equal(drawn.final_BCHW, drawn.latents.back()));
}

TEST(rollout, the_ode_asks_for_no_noise_and_has_no_log_probs) {
  const std::vector<Step> schedule = ode_schedule({1, 0.5, 0.2, 0});
  const Trajectories drawn =
      rollout(schedule, at::randn({2, 1, 2, 2}), some_velocity,
              [](int64_t) -> at::Tensor { throw std::runtime_error("asked for noise"); }, {});
  ASSERT_EQ(drawn.log_probs.size(), 3u);
  for (const at::Tensor& log_prob : drawn.log_probs) EXPECT_FALSE(log_prob.defined());
}

TEST(rollout, no_gradient_is_recorded) {
  const at::Tensor weight = at::ones({1}).requires_grad_(true);
  const Trajectories drawn = rollout(
      sde(), at::randn({1, 2, 3, 3}), [&](const at::Tensor& x, const Step&) { return x * weight; },
      [](int64_t) {
        return at::zeros({1, 2, 3, 3});
      },
      {});
  EXPECT_FALSE(drawn.final_BCHW.requires_grad());
  EXPECT_FALSE(drawn.log_probs[0].requires_grad());
}

// Point mass m with the exact velocity (x - m) / sigma: what remains at the end is noise of a known standard
// deviation. 20000 values: its standard error is 0.5 %.
TEST(rollout, a_point_mass_keeps_the_predicted_noise) {
  const std::vector<Step> schedule = sde(10, 0.7);
  double variance = 1;
  for (const Step& step : schedule)
    variance = std::pow(step.a + step.b / step.sigma, 2) * variance + step.noise_std * step.noise_std;
  const std::vector<SampleKey> keys{{0, 0, 0}, {0, 0, 1}};
  const std::vector<int64_t> shape{1, 100, 100};
  const Trajectories drawn = rollout(
      schedule, initial_noise(kSource, keys, shape),
      [](const at::Tensor& x, const Step& step) { return (x - 0.8) / step.sigma; },
      [&](int64_t step) { return step_noise(kSource, keys, shape, step); }, {});
  const at::Tensor rest = drawn.final_BCHW - 0.8;
  EXPECT_NEAR(rest.square().mean().sqrt().item<double>() / std::sqrt(variance), 1, 0.025);
  EXPECT_NEAR(rest.mean().item<double>(), 0, 5 * std::sqrt(variance / 20000));
}

}  // namespace rollout_test
}  // namespace gamut::diffusion
