// SPDX-License-Identifier: Apache-2.0
// Does it learn? A policy of two dimensions with the standard normal as its start, rewarded for landing near
// a point.
#include "gamut/algorithms/algorithm.h"
#include "gamut/algorithms/credit.h"
#include "gamut/core/random.h"
#include "gamut/train/update.h"
#include "support/threads.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

namespace gamut::train {
namespace toy_learning_test {

constexpr int64_t kGroups = 4, kMembers = 24, kHidden = 32, kIterations = 150;

// Exact velocity of the standard normal is slope(sigma) x.
double slope(double sigma) { return (2 * sigma - 1) / ((1 - sigma) * (1 - sigma) + sigma * sigma); }

// That plus a small network, which is zero at the start.
class Policy {
 public:
  explicit Policy(uint64_t seed) {
    for (auto& [name, tensor] : params_) {
      Stream stream(seed, "toy." + name);
      if (name == "in") stream.fill_normal({tensor.mutable_data_ptr<float>(), size_t(tensor.numel())});
      tensor.requires_grad_(true);
    }
  }
  std::vector<nn::NamedTensor> params() const { return params_; }

  at::Tensor operator()(const at::Tensor& x, const diffusion::Step& step) const {
    const at::Tensor flat = x.reshape({-1, 2});
    const at::Tensor input =
        at::cat({flat, at::full({flat.size(0), 1}, step.sigma), at::ones({flat.size(0), 1})}, 1);
    const at::Tensor learned = at::tanh(input.matmul(params_[0].tensor)).matmul(params_[1].tensor);
    return x * slope(step.sigma) + learned.view(x.sizes());
  }

 private:
  std::vector<nn::NamedTensor> params_{{"in", at::zeros({4, kHidden})}, {"out", at::zeros({kHidden, 2})}};
};

// -|x - (1, -0.5)|^2.
std::vector<double> rewards_of(const at::Tensor& latents) {
  const at::Tensor target = at::tensor({1.F, -0.5F}).view({1, 2, 1, 1});
  const at::Tensor reward = -(latents - target).square().sum({1, 2, 3}).to(at::kDouble);
  return {reward.const_data_ptr<double>(), reward.const_data_ptr<double>() + reward.numel()};
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / double(values.size());
}

class Learner {
 public:
  explicit Learner(uint64_t seed)
      : seed_(seed), policy_(seed), optimizer_(policy_.params(), {.learning_rate = 5e-3}) {
    slots_ = algorithms::fill_slots("flow_grpo");
    slots_.sampler.steps = 6;
    schedule_ = diffusion::make_schedule(slots_.sampler);
  }

  // What the untrained policy earns on average: |target|^2 and the variance of two dimensions.
  double expected_start() const {
    double variance = 1;
    for (const diffusion::Step& step : schedule_)
      variance =
          std::pow(step.a + step.b * slope(step.sigma), 2) * variance + step.noise_std * step.noise_std;
    return -(1.25 + 2 * variance);
  }

  // One iteration; the mean reward of its samples.
  double iterate(int64_t iteration) {
    MicroBatch batch = roll_out(iteration);
    const std::vector<double> rewards = rewards_of(batch.trajectories.final_BCHW);
    std::vector<algorithms::Group> groups(kGroups);
    for (size_t i = 0; i < rewards.size(); ++i) {
      groups[i / kMembers].rewards.push_back(rewards[i]);
      groups[i / kMembers].scored.push_back(1);
    }
    std::vector<float> advantages;
    const algorithms::Credit credit = algorithms::assign_credit(
        groups, {slots_.subset, slots_.shaping, slots_.advantage}, {.iteration = iteration});
    for (const algorithms::GroupCredit& group : credit.groups)
      advantages.insert(advantages.end(), group.advantages.begin(), group.advantages.end());
    batch.advantages_B = at::tensor(advantages);
    batch.weights_B = at::ones({kGroups * kMembers});
    const auto objective = algorithms::make_objective(slots_, seed_);
    const algorithms::IterationSteps steps =
        algorithms::iteration_steps(slots_, objective->needs(), schedule_, seed_, iteration);
    const UpdateReport report =
        accumulate_gradient({&batch}, {.steps = steps, .objective = *objective}, optimizer_);
    EXPECT_EQ(report.ratio_max_deviation, 0.0);
    optimizer_.clip_gradients(optimizer_.grad_norm());
    optimizer_.step();
    optimizer_.zero_grad();
    return mean_of(rewards);
  }

 private:
  MicroBatch roll_out(int64_t iteration) const {
    std::vector<diffusion::SampleKey> keys;
    for (int64_t i = 0; i < kGroups * kMembers; ++i) keys.push_back({iteration, i / kMembers, i % kMembers});
    const diffusion::NoiseSource source{.seed = seed_};
    const std::vector<int64_t> shape{2, 1, 1};
    MicroBatch batch;
    batch.denoiser = [this](const at::Tensor& x, const diffusion::Step& step) { return policy_(x, step); };
    batch.trajectories = diffusion::rollout(
        schedule_, diffusion::initial_noise(source, keys, shape), batch.denoiser,
        [&](int64_t step) { return diffusion::step_noise(source, keys, shape, step); }, {});
    return batch;
  }

  uint64_t seed_;
  Policy policy_;
  AdamW optimizer_;
  algorithms::Slots slots_;
  std::vector<diffusion::Step> schedule_;
};

TEST(toy_learning, the_reward_rises_on_every_seed) {
  const testing::Threads threads(1);
  for (const uint64_t seed : {1, 2, 3}) {
    Learner learner(seed);
    double first = 0, last = 0;
    for (int64_t i = 0; i < kIterations; ++i) {
      const double reward = learner.iterate(i);
      if (i == 0) first = reward;
      if (i >= kIterations - 5) last += reward / 5;
    }
    std::printf("seed %d: reward %.2f to %.2f\n", int(seed), first, last);
    EXPECT_NEAR(first, learner.expected_start(), 0.7) << seed;  // 96 samples: a standard error of about 0.2
    EXPECT_GT(last, first + 1.25) << seed << ": from " << first << " to " << last;
  }
}

}  // namespace toy_learning_test
}  // namespace gamut::train
