// SPDX-License-Identifier: Apache-2.0
// The update on a toy policy whose gradient is known: the velocity is one free parameter per latent element,
// equal for all samples and steps, so d log-prob / d theta = b (next - mean) / (n^2 D).
#include "gamut/train/update.h"

#include "gamut/diffusion/step.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gamut::train {
namespace update_test {

constexpr int64_t kElements = 8;
const std::vector<int64_t> kShape{2, 2, 2};

struct Toy {
  explicit Toy(algorithms::RegularizerConfig regularizer = {.kind = "none"}) {
    slots = algorithms::fill_slots("flow_grpo");
    slots.regularizer = regularizer;
    slots.loss.clip_range = 0.2;
    objective = algorithms::make_objective(slots, 1);
    schedule = diffusion::make_schedule(slots.sampler);
  }

  // Rollouts of keys begin … begin + count, advantages growing with the key.
  MicroBatch draw(int64_t begin, int64_t count) const {
    std::vector<diffusion::SampleKey> keys;
    for (int64_t k = begin; k < begin + count; ++k) keys.push_back({0, 0, k});
    const diffusion::NoiseSource source{.seed = 3};
    MicroBatch batch;
    batch.denoiser = [this](const at::Tensor& x, const diffusion::Step&) {
      return theta.expand_as(x) + 0.1 * x;
    };
    batch.trajectories = diffusion::rollout(
        schedule, diffusion::initial_noise(source, keys, kShape), batch.denoiser,
        [&](int64_t step) { return diffusion::step_noise(source, keys, kShape, step); }, {});
    batch.advantages_B = at::arange(double(begin), double(begin + count), at::kFloat) * 0.3F - 1;
    batch.weights_B = at::ones({count});
    return batch;
  }

  UpdateReport update(const std::vector<MicroBatch*>& batches) {
    theta.mutable_grad() = at::Tensor();
    const algorithms::IterationSteps iteration{.schedule = schedule, .trained = steps};
    return accumulate_gradient(batches, {.steps = iteration, .objective = *objective}, optimizer);
  }

  at::Tensor theta =
      (at::arange(kElements, at::kFloat) * 0.1F - 0.3F).view({1, 2, 2, 2}).requires_grad_(true);
  AdamW optimizer{{{"theta", theta}}, {}};
  algorithms::Slots slots;
  std::unique_ptr<algorithms::Objective> objective;
  std::vector<diffusion::Step> schedule;
  std::vector<int64_t> steps{0, 3, 7};
};

// -(1 / (samples steps)) sum of A b (next - mean) / (n^2 D), in double.
at::Tensor policy_gradient(const Toy& toy, const MicroBatch& batch) {
  at::Tensor sum = at::zeros({1, 2, 2, 2}, at::kDouble);
  for (const int64_t index : toy.steps) {
    const diffusion::Step& step = toy.schedule[size_t(index)];
    const at::Tensor& x = batch.trajectories.latents[size_t(index)];
    const at::Tensor next = batch.trajectories.latents[size_t(index) + 1].to(at::kDouble);
    const at::Tensor mean = diffusion::step_mean(step, x, batch.denoiser(x, step)).detach().to(at::kDouble);
    const at::Tensor factor = (batch.advantages_B * batch.weights_B).to(at::kDouble).view({-1, 1, 1, 1});
    sum += (factor * (next - mean)).sum(0, true) *
           (step.b / (step.noise_std * step.noise_std * double(kElements)));
  }
  return -sum / (batch.weights_B.sum().item<double>() * double(toy.steps.size()));
}

double distance(const at::Tensor& got, const at::Tensor& expected) {
  return (got.to(at::kDouble) - expected.to(at::kDouble)).norm().item<double>() /
         expected.norm().item<double>();
}

TEST(update, at_ratio_one_it_is_the_policy_gradient) {
  Toy toy;
  MicroBatch batch = toy.draw(0, 8);
  const UpdateReport report = toy.update({&batch});
  EXPECT_LT(distance(toy.theta.grad(), policy_gradient(toy, batch)), 1e-5);  // fp32 against double
  EXPECT_EQ(report.ratio_max_deviation, 0.0);
  EXPECT_EQ(report.clip_fraction, 0.0);
  EXPECT_EQ(report.approx_kl, 0.0);
  EXPECT_EQ(report.trained, 8);
  EXPECT_NEAR(report.loss, -batch.advantages_B.mean().item<double>(), 1e-6);
  EXPECT_NEAR(report.grad_norm, toy.theta.grad().norm().item<double>(), 1e-6);
  EXPECT_TRUE(report.finite);
}

TEST(update, micro_batches_do_not_change_the_gradient) {
  Toy toy;
  MicroBatch whole = toy.draw(0, 12);
  whole.weights_B[4] = 0;
  const UpdateReport at_once = toy.update({&whole});
  const at::Tensor expected = toy.theta.grad().clone();
  for (const int64_t size : {1, 2, 3, 6}) {
    std::vector<MicroBatch> parts;
    for (int64_t begin = 0; begin < 12; begin += size) {
      parts.push_back(toy.draw(begin, size));
      parts.back().weights_B = whole.weights_B.narrow(0, begin, size).clone();
    }
    std::vector<MicroBatch*> pointers;
    for (MicroBatch& part : parts) pointers.push_back(&part);
    const UpdateReport report = toy.update(pointers);
    EXPECT_LT(distance(toy.theta.grad(), expected), 1e-6) << size;
    EXPECT_NEAR(report.loss, at_once.loss, 1e-6) << size;
    EXPECT_EQ(report.trained, 11);
  }
}

TEST(update, samples_left_out_are_as_if_they_were_not_there) {
  Toy toy({.kind = "kl_x", .weight = 0.5});
  MicroBatch some = toy.draw(0, 5), all = toy.draw(0, 8);
  all.weights_B.narrow(0, 5, 3).zero_();
  for (MicroBatch* batch : {&some, &all})
    for (const int64_t index : toy.steps)
      batch->others[index].reference = at::zeros_like(batch->trajectories.latents[size_t(index)]);
  const UpdateReport one = toy.update({&some});
  const at::Tensor expected = toy.theta.grad().clone();
  const UpdateReport two = toy.update({&all});
  EXPECT_LT(distance(toy.theta.grad(), expected), 1e-6);
  EXPECT_NEAR(one.loss, two.loss, 1e-6);
  EXPECT_NEAR(one.kl, two.kl, 1e-6);
}

TEST(update, without_a_trained_sample_there_is_no_gradient) {
  Toy toy({.kind = "kl_flow", .weight = 1});
  MicroBatch batch = toy.draw(0, 4);
  batch.weights_B.zero_();
  const UpdateReport report = toy.update({&batch});
  EXPECT_EQ(report.trained, 0);
  EXPECT_FALSE(toy.theta.grad().defined());
}

// Reference = the policy's own mean plus a constant: kl_x gives its square, pulling every element alike.
TEST(update, the_regularizer_joins_with_its_weight) {
  Toy plain, regularized({.kind = "kl_x", .weight = 0.25});
  MicroBatch one = plain.draw(0, 6), two = regularized.draw(0, 6);
  double slope = 0;
  for (const int64_t index : regularized.steps) {
    const diffusion::Step& step = regularized.schedule[size_t(index)];
    const at::Tensor& x = two.trajectories.latents[size_t(index)];
    two.others[index].reference = two.denoiser(x, step).detach() + 0.2 / step.b;  // the mean is 0.2 away
    slope += 2 * -0.2 * step.b / double(kElements) / 3;
  }
  plain.update({&one});
  const UpdateReport report = regularized.update({&two});
  EXPECT_NEAR(report.kl, 0.04, 1e-6);
  const at::Tensor difference = regularized.theta.grad() - plain.theta.grad();
  EXPECT_TRUE(at::allclose(difference, at::full_like(difference, 0.25 * slope), 1e-4, 1e-6));
}

TEST(update, a_reference_equal_to_the_policy_costs_exactly_nothing) {
  for (const char* kind : {"kl_flow", "kl_exact", "kl_v", "kl_x"}) {
    Toy plain, regularized({.kind = kind, .weight = 3});
    MicroBatch one = plain.draw(0, 6), two = regularized.draw(0, 6);
    for (const int64_t index : regularized.steps) {
      const at::Tensor& x = two.trajectories.latents[size_t(index)];
      const diffusion::Step& step = regularized.schedule[size_t(index)];
      two.others[index].reference = two.denoiser(x, step).detach();
    }
    plain.update({&one});
    EXPECT_EQ(regularized.update({&two}).kl, 0.0) << kind;
    EXPECT_TRUE(at::equal(plain.theta.grad(), regularized.theta.grad())) << kind;
  }
}

// After a change of the policy the ratio leaves 1: compared with the definition, clip included.
TEST(update, off_policy_loss_and_clip_follow_the_definition) {
  Toy toy;
  MicroBatch batch = toy.draw(0, 8);
  {
    at::NoGradGuard no_grad;
    toy.theta.add_(3);
  }
  double loss = 0, clipped = 0, kl = 0, deviation = 0;
  for (const int64_t index : toy.steps) {
    const diffusion::Step& step = toy.schedule[size_t(index)];
    const at::Tensor& x = batch.trajectories.latents[size_t(index)];
    const at::Tensor mean = diffusion::step_mean(step, x, batch.denoiser(x, step)).detach();
    const at::Tensor now =
        diffusion::step_log_prob(step, batch.trajectories.latents[size_t(index) + 1], mean);
    for (int64_t b = 0; b < 8; ++b) {
      const double log_ratio = (now[b] - batch.trajectories.log_probs[size_t(index)][b]).item<double>();
      const double ratio = std::exp(log_ratio), advantage = batch.advantages_B[b].item<double>();
      const double bounded = std::min(std::max(ratio, 0.8), 1.2);
      loss += std::max(-advantage * ratio, -advantage * bounded) / 24;
      clipped += (advantage > 0 ? ratio > 1.2 : advantage < 0 && ratio < 0.8) / 24.0;
      kl += log_ratio * log_ratio / 48;
      deviation = std::max(deviation, std::abs(ratio - 1));
    }
  }
  ASSERT_GT(clipped, 0.1);  // else the test says nothing
  const UpdateReport report = toy.update({&batch});
  EXPECT_NEAR(report.loss, loss, 1e-5);
  EXPECT_NEAR(report.clip_fraction, clipped, 1e-6);
  EXPECT_NEAR(report.approx_kl, kl, 1e-5);
  EXPECT_NEAR(report.ratio_max_deviation, deviation, 1e-5);
}

TEST(update, numbers_that_are_not_finite_are_reported) {
  Toy toy;
  MicroBatch batch = toy.draw(0, 4);
  batch.advantages_B[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(toy.update({&batch}).finite);
}

}  // namespace update_test
}  // namespace gamut::train
