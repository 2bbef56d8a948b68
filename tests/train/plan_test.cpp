// SPDX-License-Identifier: Apache-2.0
// Plans against the runs that they foresee.
#include "gamut/train/plan.h"

#include "gamut/core/error.h"
#include "gamut/train/plan_advice.h"
#include "gamut/train/plan_ranks.h"
#include "gamut/train/plan_variants.h"
#include "gamut/train/policy.h"
#include "support/cpu_memory_meter.h"
#include "train/tiny_training.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::train {
namespace plan_test {

// A folder with a tiny model that plans and runs are made of.
struct Case {
  testing::TempFolder folder;
  TrainConfig config;
  explicit Case(const std::string& algorithm = "flow_grpo") : config(tiny_config(algorithm)) {
    testing::write_tiny_model(folder / "configs");
    if (config.slots.sampler.kind == "ddim") testing::make_ddim(folder / "configs");
    models::Pipeline::create(folder / "configs", 5, {}).save(folder / "model");
    config.model = (folder / "model").string();
  }
  Plan plan() const { return make_plan(config, tiny_prompts(), {}); }
};

const PlanPhase& phase(const Plan& plan, const std::string& name) {
  return *std::ranges::find(plan.phases, name, &PlanPhase::name);
}

int64_t bytes_of(const std::vector<nn::NamedTensor>& tensors) {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) bytes += int64_t(tensor.nbytes());
  return bytes;
}

TEST(plan, counts_what_a_run_holds) {
  const testing::Threads one(1);
  Case made;
  const Plan plan = made.plan();
  models::Pipeline policy = open_policy(made.config);
  RedReward reward;
  const testing::CpuMemoryMeter meter;
  Trainer trainer(made.config, policy, reward, tiny_prompts());
  const StepReport report = trainer.iterate();

  EXPECT_EQ(plan.batch.pictures, report.images);
  EXPECT_EQ(plan.trained_images, report.trained_images);
  EXPECT_EQ(plan.parameters.trained, policy.denoiser_params().num_elements());
  EXPECT_EQ(plan.held.denoiser, bytes_of(policy.denoiser_params().params()));
  EXPECT_EQ(plan.held.average, bytes_of(trainer.ema_weights()));
  EXPECT_EQ(plan.held.adapter, 0);
  // Two moments, and a count of four bytes for each tensor.
  EXPECT_EQ(plan.held.optimizer, 2 * plan.held.denoiser + 4 * int64_t(trainer.params().size()));
  EXPECT_EQ(plan.pictures, 12 * 3 * 8 * 8 * 4);
  // Five latents of 12 x 4 x 4 and four log-probabilities per picture; the last step is stochastic too.
  EXPECT_EQ(plan.trajectories, 12 * (5 * 12 * 4 * 4 + 4) * 4);
}

TEST(plan, foresees_the_peak_of_a_run) {
  const testing::Threads one(1);
  for (const std::string algorithm : {"flow_grpo", "diverse_grpo", "drift", "gamut", "awm", "nft"}) {
    Case made(algorithm);
    const Plan plan = made.plan();
    RedReward reward;
    const testing::CpuMemoryMeter meter;
    Trainer trainer(made.config, open_policy(made.config), reward, tiny_prompts());
    for (int i = 0; i < 2; ++i) trainer.iterate();
    // Scores, features and the sums of losses are left out of the plan.
    EXPECT_NEAR(double(plan.worst().peak) / double(meter.peak()), 1.0, 0.1) << algorithm;
  }
}

TEST(plan, counts_the_work_of_an_iteration) {
  Case made;
  const Plan plan = made.plan();
  const double one = phase(plan, "rollout").flops / double(12 * plan.steps);  // a picture's forward pass
  EXPECT_GT(one, 0);
  EXPECT_EQ(plan.steps, 4);
  EXPECT_EQ(plan.trained_steps, 3);  // flow_grpo: int(4 x 0.99)
  // Forward once and backward about twice, the input's gradient at the first layer excepted.
  EXPECT_NEAR(phase(plan, "update").flops / (one * double(12 * plan.trained_steps)), 3.0, 0.2);
  EXPECT_EQ(phase(plan, "reference").flops, 0);

  made.config.rollout.guidance_scale = 3;
  EXPECT_NEAR(phase(made.plan(), "rollout").flops / phase(plan, "rollout").flops, 2.0, 1e-9);
  made.config.rollout.guidance_scale = 1;
  made.config.slots.regularizer.kind = "kl_v";
  const Plan held = made.plan();
  EXPECT_DOUBLE_EQ(phase(held, "reference").flops, one * 12 * 3);
  EXPECT_EQ(held.held.reference, plan.held.denoiser);  // the denoiser is opened again, and nothing else
  made.config.slots.regularizer.steps = 1;
  EXPECT_DOUBLE_EQ(phase(made.plan(), "reference").flops, one * 12);
}

// An objective on finished latents keeps no trajectory, and trains at as many times as it draws.
TEST(plan, counts_the_times_of_the_forward_process) {
  Case made("awm");
  const Plan plan = made.plan();
  const double one = phase(plan, "rollout").flops / double(12 * plan.steps);
  EXPECT_FALSE(plan.trains_trajectory);
  EXPECT_EQ(plan.trained_steps, 6);
  EXPECT_NEAR(phase(plan, "update").flops / (one * double(12 * plan.trained_steps)), 3.0, 0.2);
  EXPECT_EQ(plan.trajectories, 12 * 12 * 4 * 4 * 4);  // the finished latents
  EXPECT_EQ(phase(plan, "reference").flops, 0);       // one update: the old policy is the current one
  EXPECT_EQ(plan.held.reference, 0);
  made.config.rollout.updates = 3;
  // Each row has a time embedding of its own, a hundredth of this tiny network.
  EXPECT_NEAR(phase(made.plan(), "reference").flops / (one * 12 * 6), 1.0, 0.01);
  made.config.slots.regularizer = {.kind = "kl_v", .weight = 1};
  EXPECT_NEAR(phase(made.plan(), "reference").flops / (2 * one * 12 * 6), 1.0, 0.01);
  const Plan nft = Case("nft").plan();
  EXPECT_EQ(nft.trained_steps, 9);
  EXPECT_EQ(nft.held.reference, 2 * nft.held.denoiser);  // the base, and the old policy's weights
}

// Text encoders go where their words are smaller than they are, whatever trains.
TEST(plan, text_encoders_leave_once_all_prompts_are_encoded) {
  Case made;
  EXPECT_TRUE(made.plan().drops_text_encoders);
  made.config.lora.rank = 2;
  const models::Pipeline policy = open_policy(made.config);
  int64_t encoder = 0, prompt = 0;
  for (const models::NamedStore& each : policy.text_encoders()) encoder += bytes_of(each.store->params());
  for (const auto& [name, part] : policy.encode({""}).parts) prompt += int64_t(part.nbytes());
  const int64_t most = encoder / prompt;
  EXPECT_TRUE(may_drop_text_encoders(policy, most));
  EXPECT_FALSE(may_drop_text_encoders(policy, most + 1));

  const auto planned = [&](int64_t evaluated) {
    return make_plan(made.config, tiny_prompts(), {.evaluated_prompts = evaluated});
  };
  const Plan drops = planned(0), keeps = planned(most);
  EXPECT_TRUE(drops.drops_text_encoders);
  EXPECT_FALSE(keeps.drops_text_encoders);
  EXPECT_EQ(keeps.held.text_encoder, encoder);
  EXPECT_EQ(drops.held.text_encoder, 0);
  EXPECT_EQ(phase(keeps, "update").peak - phase(drops, "update").peak,
            encoder - (drops.held.prompts - keeps.held.prompts));
}

// What was kept is what would be encoded, and an iteration does not see the difference.
TEST(plan, no_number_moves_when_the_text_encoders_leave) {
  std::vector<nlohmann::ordered_json> rows[2];
  for (const bool drops : {false, true}) {
    Case made;
    made.config.rollout.guidance_scale = 2;
    RedReward reward;
    models::Pipeline policy = open_policy(made.config);
    const std::vector<std::string> asked{"a red picture", "another"};
    const models::Conditioning before = policy.encode(asked);
    Trainer trainer(made.config, policy, reward, tiny_prompts());
    if (drops) {
      EXPECT_TRUE(trainer.drop_text_encoders({{""}, asked}));
      EXPECT_TRUE(at::equal(policy.encode(asked).hidden(), before.hidden()));
      EXPECT_THROW(policy.encode({"never heard"}), InternalError);
    }
    for (int i = 0; i < 2; ++i) {
      nlohmann::ordered_json row = trainer.iterate().to_json();
      for (const char* time : {"seconds_rollout", "seconds_reward", "seconds_credit", "seconds_reference",
                               "seconds_update", "seconds_total"})
        row.erase(time);
      rows[drops].push_back(row);
    }
  }
  EXPECT_EQ(rows[0], rows[1]);
}

TEST(plan, adapters_hold_less_and_share_the_reference) {
  Case made;
  const Plan full = made.plan();
  made.config.lora.rank = 2;
  made.config.slots.regularizer.kind = "kl_v";
  const Plan lora = made.plan();
  EXPECT_LT(lora.parameters.trained, full.parameters.trained);
  EXPECT_EQ(lora.held.adapter, 4 * lora.parameters.trained);
  EXPECT_EQ(lora.held.gradients, lora.held.adapter);
  EXPECT_EQ(lora.held.reference, 0);
  EXPECT_LT(phase(lora, "update").flops, phase(full, "update").flops);
}

TEST(plan, checkpointing_trades_activations_for_a_forward_pass) {
  Case made;
  const Plan kept = made.plan();
  made.config.gradient_checkpointing = true;
  const Plan again = made.plan();
  EXPECT_LT(again.activations, kept.activations * 3 / 4);
  EXPECT_LT(phase(again, "update").working, phase(kept, "update").working);
  EXPECT_EQ(phase(again, "rollout").flops, phase(kept, "rollout").flops);
  const double ratio = phase(again, "update").flops / phase(kept, "update").flops;
  EXPECT_GT(ratio, 1.2);
  EXPECT_LT(ratio, 4.0 / 3 + 0.02);
}

TEST(plan, graphs_of_the_rollout_trade_memory_for_a_forward_pass) {
  const testing::Threads one(1);
  Case made;
  const Plan again = made.plan();
  made.config.train.reuse_rollout_graph = true;
  const Plan kept = made.plan();
  EXPECT_EQ(again.graphs, 0);
  EXPECT_EQ(kept.trajectories, again.trajectories);
  EXPECT_NEAR(double(kept.graphs) / double(again.activations * 3 * kept.batch.micro_batches), 1.0, 0.02);
  EXPECT_NEAR(phase(kept, "update").flops / phase(again, "update").flops, 2.0 / 3, 0.02);
  EXPECT_EQ(phase(kept, "rollout").flops, phase(again, "rollout").flops);

  RedReward reward;
  const testing::CpuMemoryMeter meter;
  Trainer trainer(made.config, open_policy(made.config), reward, tiny_prompts());
  for (int i = 0; i < 2; ++i) trainer.iterate();
  EXPECT_NEAR(double(kept.worst().peak) / double(meter.peak()), 1.0, 0.1);

  const Advice advice = advise(made.config, tiny_prompts(), {}, again.needed_bytes());
  ASSERT_FALSE(advice.alone.empty());
  EXPECT_EQ(advice.alone.front(), "train.reuse_rollout_graph=false");
}

TEST(plan, mixed_precision_keeps_less) {
  Case made;
  const Plan exact = made.plan();
  made.config.mixed_precision = "bf16";
  made.config.device = "cuda";
  const Plan mixed = made.plan();
  made.config.mixed_precision = "no";
  EXPECT_LT(mixed.activations, made.plan().activations);
  EXPECT_EQ(mixed.held.denoiser, exact.held.denoiser);
  EXPECT_NEAR(mixed.flops_per_iteration() / exact.flops_per_iteration(), 1.0, 1e-6);
}

TEST(plan, a_subset_trains_fewer_images_than_are_drawn) {
  const Plan plan = Case("drift").plan();
  EXPECT_LT(plan.trained_images, plan.batch.pictures);
  EXPECT_EQ(plan.trained_images, plan.batch.prompts * plan.batch.keep);
}

TEST(plan, reads_no_weight) {
  Case made;
  const std::string file = made.config.model + "/unet/diffusion_pytorch_model.safetensors";
  // The data, after the header, becomes NaN, which opening refuses.
  const nn::TensorMap stored = nn::load_safetensors(file);
  std::vector<nn::NamedTensor> broken;
  for (const auto& [name, tensor] : stored) broken.push_back({name, tensor.clone().fill_(NAN)});
  nn::save_safetensors(file, broken);
  EXPECT_THROW(open_policy(made.config), DataError);
  EXPECT_EQ(made.plan().parameters.denoiser, Case().plan().parameters.denoiser);
}

TEST(plan, bad_recipes_fail_as_in_training) {
  Case made;
  made.config.rollout.micro_batch = 5;
  EXPECT_THROW(made.plan(), ConfigError);
  made.config = tiny_config();
  made.config.model = "nowhere";
  EXPECT_THROW(made.plan(), EnvironmentError);
  Case flow;
  flow.config.slots.sampler.kind = "ddim";
  EXPECT_THROW(flow.plan(), ConfigError);
}

// The keys of each of several processes, tried by planning.
TEST(plan, variants_and_advice_of_ranks_are_planned) {
  Case made;
  made.config.train.shard_optimizer = false;
  const Plan plan = made.plan();
  const RankPlan whole = plan_of_rank(plan, 2, false), divided = plan_of_rank(plan, 2, true);
  const std::vector<PlanVariant> variants = plan_variants(made.config, tiny_prompts(), {}, 2);
  ASSERT_EQ(variants.size(), 2U);
  EXPECT_EQ(variants[0].change, "gradient_checkpointing=true");
  EXPECT_LT(variants[0].rank.needed, whole.needed);
  EXPECT_EQ(variants[1].change, "train.shard_optimizer=true");
  EXPECT_EQ(variants[1].rank.needed, divided.needed);
  EXPECT_EQ(variants[1].rank.sent, divided.sent);
  const Advice advice = advise(made.config, tiny_prompts(), {}, divided.needed, 2);
  EXPECT_NE(std::ranges::find(advice.alone, "train.shard_optimizer=true"), advice.alone.end());
  const Advice alone = advise(made.config, tiny_prompts(), {}, plan.needed_bytes() - 1, 1);
  EXPECT_EQ(std::ranges::find(alone.alone, "train.shard_optimizer=true"), alone.alone.end());

  made.config.lora.rank = 2;
  const std::vector<PlanVariant> adapter = plan_variants(made.config, tiny_prompts(), {}, 2);
  ASSERT_EQ(adapter.size(), 2U);
  EXPECT_EQ(adapter[1].change, "base_weights=int8");
  const int64_t as_it_is = plan_of_rank(made.plan(), 2, false).needed;
  EXPECT_LT(adapter[1].rank.needed, as_it_is);
  const Advice int8 = advise(made.config, tiny_prompts(), {}, adapter[1].rank.needed, 2);
  EXPECT_NE(std::ranges::find(int8.alone, "base_weights=int8"), int8.alone.end());
}

TEST(plan, advice_is_tried) {
  Case made;
  const int64_t asked = made.plan().needed_bytes();
  const Advice advice = advise(made.config, tiny_prompts(), {}, asked - 1);
  ASSERT_FALSE(advice.alone.empty());
  EXPECT_NE(std::ranges::find(advice.alone, "rollout.micro_batch=2"), advice.alone.end());
  made.config.rollout.micro_batch = 2;
  EXPECT_LT(made.plan().needed_bytes(), asked);

  const Advice hopeless = advise(made.config, tiny_prompts(), {}, 1);
  EXPECT_TRUE(hopeless.alone.empty());
  EXPECT_TRUE(hopeless.together.empty());
  EXPECT_GT(hopeless.least_bytes, 1);
}

}  // namespace plan_test
}  // namespace gamut::train
