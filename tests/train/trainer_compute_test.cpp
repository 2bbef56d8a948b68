// SPDX-License-Identifier: Apache-2.0
// What changes how the trainer computes, and not what: gradient checkpointing, kept graphs, mixed precision,
// threads.
#include "gamut/core/error.h"
#include "gamut/train/policy.h"
#include "gamut/train/trainer.h"
#include "support/message_of.h"
#include "tiny_training.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::train {
namespace trainer_compute_test {

using testing::message_of;

double largest_difference(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, (a[i] - b[i]).abs().max().item<double>());
  return largest;
}

// Of the model and of an adapter, with and without guidance and reference.
TEST(trainer_compute, gradient_checkpointing_gives_the_same_gradients_and_the_ratio_one) {
  TrainConfig plain = tiny_config(), held = tiny_config(), adapter = tiny_config();
  held.rollout.guidance_scale = 2;
  held.slots.regularizer = {.kind = "kl_flow", .weight = 0.1};
  adapter.lora.rank = 2;
  for (TrainConfig config : {plain, held, adapter}) {
    TinyRun keeping(config);
    config.gradient_checkpointing = true;
    TinyRun recomputing(config);
    const std::vector<StepReport> expected = keeping.iterate(3), got = recomputing.iterate(3);
    EXPECT_EQ(got[0].policy_loss, expected[0].policy_loss);
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].ratio_max_deviation, 0.0);
      EXPECT_NEAR(got[i].grad_norm, expected[i].grad_norm, (i == 0 ? 1e-5 : 1e-2) * expected[i].grad_norm);
    }
    EXPECT_LT(largest_difference(recomputing.weights(), keeping.weights()),
              0.1 * config.optimizer.learning_rate);
  }
}

// Every bit as without, in every kind of network call; where a graph cannot be kept the switch changes
// nothing.
TEST(trainer_compute, graphs_kept_from_the_rollout_change_no_bit) {
  const auto config_with = [](const std::function<void(TrainConfig&)>& change) {
    TrainConfig config = tiny_config();
    change(config);
    return config;
  };
  const std::vector<TrainConfig> kept{
      tiny_config(),
      config_with([](TrainConfig& c) { c.slots.regularizer = {.kind = "kl_flow", .weight = 0.1}; }),
      config_with([](TrainConfig& c) { c.rollout.guidance_scale = 2, c.lora.rank = 2; }),
      config_with([](TrainConfig& c) { c.gradient_checkpointing = true; }),
      config_with([](TrainConfig& c) { c.mixed_precision = "bf16"; }),
      config_with([](TrainConfig& c) { c.slots.loss.kind = "grpo_guard"; }),
      tiny_config("dance_grpo"),
  };
  const std::vector<TrainConfig> not_kept{
      tiny_config("drift"),
      config_with([](TrainConfig& c) { c.rollout.updates = 3; }),
      config_with([](TrainConfig& c) {
        c.lora.rank = 2;
        c.slots.regularizer = {.kind = "kl_flow", .weight = 0.1, .reference = "ema"};
      }),
  };
  for (const bool keeps : {true, false})
    for (TrainConfig config : keeps ? kept : not_kept) {
      TinyRun plain(config);
      config.train.reuse_rollout_graph = true;
      EXPECT_EQ(why_no_rollout_graphs(config).empty(), keeps) << config.algorithm;
      TinyRun reusing(config);
      const std::vector<StepReport> expected = plain.iterate(2), got = reusing.iterate(2);
      for (size_t i = 0; i < got.size(); ++i) {
        EXPECT_EQ(got[i].grad_norm, expected[i].grad_norm);
        EXPECT_EQ(got[i].ratio_max_deviation, 0.0);
      }
      EXPECT_TRUE(all_equal(reusing.weights(), plain.weights()));
    }
}

// The ratio is exact in bf16 too, the reference begins at the policy, and the first gradient is nearly that
// of fp32.
TEST(trainer_compute, mixed_precision_keeps_the_ratio_at_one) {
  for (const bool recompute : {false, true}) {
    for (const int64_t rank : {0, 2}) {
      TrainConfig config = tiny_config();
      config.slots.regularizer = {.kind = "kl_flow", .weight = 0.1};
      config.gradient_checkpointing = recompute;
      config.lora.rank = rank;
      const double exact = TinyRun(config).iterate(1)[0].grad_norm;
      config.mixed_precision = "bf16";
      TinyRun run(config);
      const std::vector<StepReport> reports = run.iterate(3);
      for (const StepReport& report : reports) EXPECT_EQ(report.ratio_max_deviation, 0.0) << report.step;
      EXPECT_EQ(reports[0].kl, 0.0);
      EXPECT_GT(reports[1].kl, 0.0);
      EXPECT_NE(reports[0].grad_norm, exact);
      EXPECT_NEAR(reports[0].grad_norm, exact, 0.1 * exact);
      for (const at::Tensor& weight : run.weights()) EXPECT_EQ(weight.scalar_type(), at::kFloat);
    }
  }
}

TEST(trainer_compute, mixed_precision_is_for_weights_in_fp32) {
  TrainConfig config = tiny_config();
  config.dtype = "bf16";
  config.mixed_precision = "bf16";
  EXPECT_NE(
      message_of<ConfigError>([&] { open_policy(config); }).find("over weights in fp32; got dtype 'bf16'"),
      std::string::npos);
}

// Sums in other orders: a few roundings per update, which AdamW's division by the gradient's size magnifies
// to a share of the learning rate, 2e-3, where a gradient is near zero.
TEST(trainer_compute, the_number_of_threads_changes_little) {
  std::vector<std::vector<at::Tensor>> weights;
  std::vector<at::Tensor> pictures;
  for (const int threads : {1, 2}) {
    TinyRun run(tiny_config(), threads);
    EXPECT_EQ(run.iterate(1)[0].ratio_max_deviation, 0.0) << threads;
    pictures.push_back(run.reward.seen);
    weights.push_back(run.weights());
  }
  EXPECT_LT((pictures[0] - pictures[1]).abs().max().item<double>(), 2e-6);
  EXPECT_LT(largest_difference(weights[0], weights[1]), 2e-4);
}

}  // namespace trainer_compute_test
}  // namespace gamut::train
