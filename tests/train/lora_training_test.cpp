// SPDX-License-Identifier: Apache-2.0
// Fine-tuning with adapters: only they move, the ratio is exactly 1, the reference needs no second network.
#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "support/message_of.h"
#include "tiny_training.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::train {
namespace lora_training_test {

using testing::TempFolder;

// Linear layers, 1x1 and 3x3 convolutions, feed-forward layers; alpha is not the rank.
TrainConfig lora_config(TrainConfig config = tiny_config()) {
  config.lora.rank = 3;
  config.lora.alpha = 4;
  config.lora.targets = {"to_q",  "to_v",          "to_out.0", "proj_in",
                         "conv1", "ff.net.0.proj", "ff.net.2", "k_proj"};
  config.optimizer.learning_rate = 5e-3;
  return config;
}

std::vector<at::Tensor> copies(const std::vector<nn::NamedTensor>& params) {
  std::vector<at::Tensor> out;
  for (const nn::NamedTensor& param : params) out.push_back(param.tensor.detach().clone());
  return out;
}

TEST(lora_training, only_adapters_train_and_the_ratio_is_one) {
  TrainConfig plain = lora_config(), guided = lora_config(), wide = lora_config(), kaiming = lora_config();
  guided.rollout.guidance_scale = 2;
  guided.rollout.updates = 3;
  wide.lora.rank = 16;
  kaiming.lora.init = "kaiming";
  kaiming.lora.targets = {"all-linear"};
  for (const TrainConfig& config : {plain, guided, wide, kaiming}) {
    TinyRun run(config);
    models::Pipeline& policy = run.trainer.policy();
    const std::vector<at::Tensor> base = copies(policy.denoiser_params().params());
    const std::vector<at::Tensor> before = run.weights();
    for (const StepReport& report : run.iterate(3)) {
      EXPECT_EQ(report.ratio_max_deviation, 0.0) << report.step;
      EXPECT_GT(report.grad_norm, 0);
    }
    const std::vector<at::Tensor> after = run.weights();
    for (size_t i = 0; i < before.size(); ++i)
      EXPECT_FALSE(at::equal(before[i], after[i])) << run.trainer.params()[i].name;
    for (size_t i = 0; i < base.size(); ++i) {
      const nn::NamedTensor& param = policy.denoiser_params().params()[i];
      EXPECT_TRUE(at::equal(param.tensor, base[i])) << param.name;
      EXPECT_FALSE(param.tensor.grad().defined()) << param.name;
      EXPECT_FALSE(param.tensor.requires_grad()) << param.name;
    }
  }
}

// The reference of the same recipe on all weights is the same network, so that both runs begin with KL 0 and
// the same policy loss; afterwards the adapter has moved away from it.
TEST(lora_training, the_reference_is_the_base_without_a_copy) {
  for (const char* kind : {"kl_flow", "kl_exact", "kl_v"}) {
    TrainConfig config = lora_config();
    config.slots.regularizer = {.kind = kind, .weight = 0.1};
    const std::vector<StepReport> reports = TinyRun(config).iterate(3);
    EXPECT_EQ(reports[0].kl, 0.0) << kind;
    EXPECT_GT(reports[1].kl, 0.0) << kind;
    EXPECT_GT(reports[2].kl, reports[1].kl) << kind;
  }
}

// What the reference computes, against a second network with the base's weights.
TEST(lora_training, the_reference_computes_what_a_second_network_would) {
  TrainConfig config = lora_config();
  config.lora.targets = {"to_q", "proj_in", "conv1"};  // the base's own kernels elsewhere
  config.slots.regularizer = {.kind = "kl_v", .weight = 0.1};
  TinyRun run(config);
  run.iterate(3);
  models::Pipeline& policy = run.trainer.policy();
  TinyRun fresh(tiny_config());  // the same weights, by its seed
  const at::Tensor x = at::randn({2, 12, 4, 4});
  const models::Conditioning cond = policy.encode({"the digit 7"}).repeat(2);
  const at::NoGradGuard no_grad;
  const at::Tensor expected = fresh.trainer.policy().predict(x, 500, cond);
  EXPECT_FALSE(at::equal(policy.predict(x, 500, cond), expected));
  const nn::AdaptersOff off(policy.denoiser_params());
  EXPECT_TRUE(at::equal(policy.predict(x, 500, cond), expected));
}

TEST(lora_training, moving_references_hold_adapters) {
  for (const char* reference : {"ema", "periodic"}) {
    SCOPED_TRACE(reference);
    TrainConfig config = lora_config();
    config.slots.regularizer = {.kind = "kl_flow", .weight = 0.1, .reference = reference, .reset_epochs = 1};
    config.ema = {.decay = 0.0, .every = 1};  // the average is the policy itself
    const std::vector<StepReport> reports = TinyRun(config).iterate(4);
    EXPECT_EQ(reports[0].kl, 0.0);
    // The average follows each time, the copy after every second iteration.
    const std::string moving = reference;
    EXPECT_EQ(reports[1].kl == 0.0, moving == "ema");
    EXPECT_EQ(reports[2].kl, 0.0);
    EXPECT_EQ(reports[3].kl == 0.0, moving == "ema");
  }
}

// The parts of a report that no clock measured.
nlohmann::json without_times(const StepReport& report) {
  nlohmann::json row = nlohmann::json::parse(report.to_json().dump());
  for (const char* part : {"rollout", "reward", "credit", "reference", "update", "total"})
    row.erase(cat("seconds_", part));
  return row;
}

TEST(lora_training, resumes_bit_for_bit) {
  for (const char* algorithm : {"flow_grpo", "drift", "gardo"}) {
    SCOPED_TRACE(algorithm);
    TrainConfig config = lora_config(tiny_config(algorithm));
    config.slots.regularizer = {.kind = "kl_v", .weight = 0.2, .reference = "periodic", .reset_epochs = 1};
    const TempFolder whole_folder, parts_folder;
    TinyRun whole(config), first(config), second(config);
    const std::vector<StepReport> expected = whole.iterate(4);
    whole.trainer.save(whole_folder.path());
    first.iterate(2);
    first.trainer.save(parts_folder.path());
    second.trainer.resume(*latest_checkpoint(parts_folder.path()));
    const std::vector<StepReport> got = second.iterate(2);
    second.trainer.save(parts_folder.path());
    for (size_t i = 0; i < 2; ++i) EXPECT_EQ(without_times(got[i]), without_times(expected[i + 2]));
    for (const char* file :
         {"weights.safetensors", "ema.safetensors", "optimizer.safetensors", "reference.safetensors"})
      EXPECT_EQ(io::read_text(parts_folder / "checkpoints/step_000004" / file),
                io::read_text(whole_folder / "checkpoints/step_000004" / file))
          << file;
  }
}

// Checkpoints and the saved model hold adapters alone, and the model loads as the averaged policy.
TEST(lora_training, saves_the_adapter_alone) {
  TinyRun run(lora_config());
  run.iterate(3);
  const TempFolder folder;
  run.trainer.save(folder.path());
  for (const auto& [name, tensor] :
       nn::load_safetensors(*latest_checkpoint(folder.path()) / "weights.safetensors"))
    EXPECT_NE(name.find(".lora_"), std::string::npos) << name;

  run.trainer.save_model(folder / "model");
  TinyRun fresh(tiny_config());
  models::Pipeline& loaded = fresh.trainer.policy();
  loaded.add_lora(nn::load_lora(folder / "model"), 1);
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::randn({2, 12, 4, 4});
  const models::Conditioning cond = loaded.encode({"the digit 7"}).repeat(2);
  const BorrowedWeights average(run.trainer.params(), run.trainer.ema_weights());
  const at::Tensor expected = run.trainer.policy().predict(x, 500, cond), got = loaded.predict(x, 500, cond);
  EXPECT_TRUE(at::allclose(got, expected, 1e-5, 1e-6));  // alpha / r was folded, which rounds
}

// Red rises, as it does when all weights train.
TEST(lora_training, the_reward_rises) {
  TrainConfig config = lora_config();
  config.rollout.group_size = 16;
  config.rollout.micro_batch = 16;
  config.lora.targets = {"all-linear"};
  config.lora.rank = 4;
  config.optimizer.learning_rate = 2e-2;
  for (const int64_t seed : {1, 2, 3}) {
    config.seed = seed;
    const std::vector<StepReport> reports = TinyRun(config).iterate(25);
    double first = 0, last = 0;
    for (size_t i = 0; i < 5; ++i) {
      first += reports[i].reward_mean / 5;
      last += reports[reports.size() - 1 - i].reward_mean / 5;
    }
    EXPECT_GT(last, first + 0.02) << seed;
    std::printf("seed %d: %.4f -> %.4f\n", int(seed), first, last);
  }
}

}  // namespace lora_training_test
}  // namespace gamut::train
