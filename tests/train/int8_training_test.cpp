// SPDX-License-Identifier: Apache-2.0
// Adapters over a base whose linear layers are held in int8, and references that are.
#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/train/plan.h"
#include "support/cpu_memory_meter.h"
#include "support/message_of.h"
#include "tiny_training.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::train {
namespace int8_training_test {

using testing::TempFolder;

TrainConfig int8_config(const std::string& algorithm = "flow_grpo") {
  TrainConfig config = tiny_config(algorithm);
  config.base_weights = "int8";
  config.lora.rank = 2;
  config.lora.targets = {"all-linear"};
  return config;
}

TEST(int8_training, rollout_and_update_see_the_same_weights) {
  TrainConfig plain = int8_config(), guided = int8_config(), again = int8_config(), held = int8_config(),
              graphs = int8_config();
  guided.rollout.guidance_scale = 2;
  guided.rollout.updates = 3;
  again.gradient_checkpointing = true;
  held.slots.regularizer = {.kind = "kl_flow", .weight = 0.1};
  graphs.train.reuse_rollout_graph = true;
  for (const TrainConfig& config : {plain, guided, again, held, graphs}) {
    TinyRun run(config);
    nn::ParamStore& base = run.trainer.policy().denoiser_params();
    EXPECT_GT(base.int8_elements(), base.num_elements() / 3);
    std::vector<at::Tensor> before;
    for (const nn::NamedTensor& param : base.params()) before.push_back(param.tensor.clone());
    for (const StepReport& report : run.iterate(3)) {
      EXPECT_EQ(report.ratio_max_deviation, 0.0);
      EXPECT_GT(report.grad_norm, 0);
    }
    for (size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(at::equal(before[i], base.params()[i].tensor));
  }
}

TEST(int8_training, the_reference_is_the_base_in_int8) {
  TrainConfig config = int8_config();
  config.slots.regularizer = {.kind = "kl_v", .weight = 0.1};
  const std::vector<StepReport> reports = TinyRun(config).iterate(2);
  EXPECT_EQ(reports[0].kl, 0.0);
  EXPECT_GT(reports[1].kl, 0.0);
}

// Values to the bit, gradients up to the order of sums.
TEST(int8_training, checkpointing_trains_alike) {
  TrainConfig config = int8_config(), again = int8_config();
  again.gradient_checkpointing = true;
  TinyRun one(config), two(again);
  EXPECT_EQ(one.iterate(1).front().policy_loss, two.iterate(1).front().policy_loss);
  const std::vector<at::Tensor> a = one.weights(), b = two.weights();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(at::allclose(a[i], b[i], 1e-4, 1e-5)) << i;
}

TEST(int8_training, goes_on_bit_for_bit_and_exports_as_ever) {
  const TempFolder folder;
  TrainConfig config = int8_config("drift");
  config.lora.targets = {"to_q", "to_v", "ff.net.2"};
  TinyRun whole(config), begun(config), resumed(config);
  whole.iterate(4);
  begun.iterate(2);
  begun.trainer.save(folder.path());
  resumed.trainer.resume(*latest_checkpoint(folder.path()));
  resumed.iterate(2);
  const std::vector<at::Tensor> a = whole.weights(), b = resumed.weights();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(at::equal(a[i], b[i]));
  whole.trainer.save_model(folder / "model");
  const nn::LoraFile adapter = nn::load_lora(folder / "model");
  EXPECT_EQ(adapter.modules.size(), whole.trainer.params().size() / 2);

  // The adapter over the same base, as evaluations and samples open it.
  TinyRun other(config);
  models::Pipeline& with = other.trainer.policy();
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::randn({2, 12, 4, 4});
  const models::Conditioning cond = with.encode({"the digit 7"}).repeat(2);
  const at::Tensor before = with.predict(x, 500, cond);
  with.add_lora(adapter, 1);
  const BorrowedWeights average(whole.trainer.params(), whole.trainer.ema_weights());
  EXPECT_FALSE(at::equal(with.predict(x, 500, cond), before));
  EXPECT_TRUE(
      at::allclose(with.predict(x, 500, cond), whole.trainer.policy().predict(x, 500, cond), 1e-5, 1e-6));
  EXPECT_THROW(with.save(folder / "whole"), ConfigError);
}

TEST(int8_training, weights_that_train_are_never_held_so) {
  TrainConfig config = tiny_config();
  config.base_weights = "int8";
  EXPECT_NE(testing::message_of<ConfigError>([&] { TinyRun run(config); }).find("set lora.rank above 0"),
            std::string::npos);
  config.slots.regularizer = {.kind = "kl_v", .weight = 0.1, .reference = "ema"};
  EXPECT_THROW(TinyRun run(config), ConfigError);
}

// The policy is as ever; its distance to the reference begins with what the rounding makes.
TEST(int8_training, a_frozen_reference_of_a_whole_policy_may_be) {
  TrainConfig config = tiny_config();
  config.slots.regularizer = {.kind = "kl_v", .weight = 0.1};
  const StepReport exact = TinyRun(config).iterate(1).front();
  config.base_weights = "int8";
  const StepReport rounded = TinyRun(config).iterate(1).front();
  EXPECT_EQ(exact.kl, 0.0);
  EXPECT_GT(rounded.kl, 0.0);
  EXPECT_LT(rounded.kl, 1e-2);
  EXPECT_EQ(rounded.reward_mean, exact.reward_mean);
  EXPECT_EQ(rounded.ratio_max_deviation, 0.0);
}

TEST(int8_training, is_planned_as_it_runs) {
  const testing::Threads one(1);
  TempFolder folder;
  testing::write_tiny_model(folder / "configs");
  models::Pipeline::create(folder / "configs", 5, {}).save(folder / "model");
  TrainConfig config = int8_config();
  config.model = (folder / "model").string();
  std::map<std::string, Plan> plans;
  for (const char* held : {"dtype", "int8"}) {
    config.base_weights = held;
    const Plan plan = plans[held] = make_plan(config, tiny_prompts(), {});
    RedReward reward;
    const testing::CpuMemoryMeter meter;
    Trainer trainer(config, open_policy(config), reward, tiny_prompts());
    for (int i = 0; i < 2; ++i) trainer.iterate();
    EXPECT_EQ(plan.held.denoiser, trainer.policy().denoiser_params().num_bytes());
    EXPECT_EQ(plan.parameters.int8, trainer.policy().denoiser_params().int8_elements());
    // Scores and sums, which the plan leaves out, weigh more beside a small adapter than beside all weights.
    EXPECT_NEAR(double(plan.worst().peak) / double(meter.peak()), 1.0, 0.12) << held;
  }
  const Plan &exact = plans["dtype"], &int8 = plans["int8"];
  EXPECT_EQ(exact.parameters.int8, 0);
  EXPECT_EQ(exact.parameters.denoiser, int8.parameters.denoiser);
  EXPECT_LT(int8.held.denoiser, exact.held.denoiser * 4 / 5);
  EXPECT_EQ(int8.flops_per_iteration(), exact.flops_per_iteration());
  config.lora.rank = 0;
  EXPECT_THROW(make_plan(config, tiny_prompts(), {}), ConfigError);
}

}  // namespace int8_training_test
}  // namespace gamut::train
