// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/trainer.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/train/policy.h"
#include "support/message_of.h"
#include "tiny_training.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace gamut::train {
namespace trainer_test {

using testing::message_of;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool all_equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (!at::equal(a[i], b[i])) return false;
  return a.size() == b.size();
}

double largest_difference(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, (a[i] - b[i]).abs().max().item<double>());
  return largest;
}

// Of the model and of an adapter, with and without guidance and reference.
TEST(trainer, gradient_checkpointing_gives_the_same_gradients_and_the_ratio_one) {
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
TEST(trainer, graphs_kept_from_the_rollout_change_no_bit) {
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
TEST(trainer, mixed_precision_keeps_the_ratio_at_one) {
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

TEST(trainer, mixed_precision_is_for_weights_in_fp32) {
  TrainConfig config = tiny_config();
  config.dtype = "bf16";
  config.mixed_precision = "bf16";
  EXPECT_NE(
      message_of<ConfigError>([&] { open_policy(config); }).find("over weights in fp32; got dtype 'bf16'"),
      std::string::npos);
}

// One of each thing that could make rollout and update disagree.
TEST(trainer, rollout_and_update_agree_exactly_before_the_first_update) {
  TrainConfig plain = tiny_config(), guided = tiny_config(), held = tiny_config(), both = tiny_config();
  guided.rollout.guidance_scale = 3;
  held.slots.regularizer = {.kind = "kl_flow", .weight = 0.1};
  both.rollout.guidance_scale = 1.5;
  both.slots.regularizer = {.kind = "kl_v", .weight = 0.1};
  both.slots.schedule = {.kind = "random", .count = 2};
  both.slots.sampler.decode = "x0_last";
  both.rollout.updates = 3;
  for (const TrainConfig& config : {plain, guided, held, both}) {
    TinyRun run(config);
    for (const StepReport& report : run.iterate(2)) {
      EXPECT_EQ(report.ratio_max_deviation, 0.0) << report.step;
      EXPECT_EQ(report.updates, config.rollout.updates);
      EXPECT_EQ(report.trained_images, 12);
      EXPECT_EQ(report.images, 12);
      EXPECT_GT(report.grad_norm, 0);
      EXPECT_EQ(report.zero_std_ratio, 0);
      EXPECT_EQ(report.skipped, 0);
    }
  }
}

TEST(trainer, the_reference_is_the_start_and_stays_there) {
  TrainConfig config = tiny_config();
  config.slots.regularizer = {.kind = "kl_exact", .weight = 0.1};
  TinyRun run(config);
  const std::vector<StepReport> reports = run.iterate(3);
  EXPECT_EQ(reports[0].kl, 0.0);  // exactly: the policy is still the base
  EXPECT_GT(reports[1].kl, 0.0);
  EXPECT_GT(reports[2].kl, reports[1].kl);
}

TEST(trainer, reports_what_the_reward_said) {
  TinyRun run(tiny_config());
  const StepReport report = run.iterate(1)[0];
  const at::Tensor red = run.reward.seen.select(1, 0).mean({1, 2}).to(at::kDouble);
  EXPECT_EQ(report.step, 1);
  EXPECT_NEAR(report.reward_mean, red.mean().item<double>(), 1e-6);
  EXPECT_NEAR(report.reward_std, red.std(0, false).item<double>(), 1e-6);
  EXPECT_NEAR(*report.reward_exact, red.gt(0.5).to(at::kDouble).mean().item<double>(), 1e-12);
  EXPECT_NEAR(report.policy_loss, 0, 1e-6);  // minus the mean advantage: groups are centered
  EXPECT_GE(report.seconds_total, report.seconds_rollout + report.seconds_reward + report.seconds_update);
  EXPECT_EQ(run.trainer.steps_done(), 1);
}

TEST(trainer, pictures_meet_their_own_prompts) {
  TinyRun run(tiny_config());
  run.iterate(1);
  ASSERT_EQ(run.reward.asked.size(), 12u);
  const std::vector<int64_t> drawn = draw_prompts(run.trainer.plan(), 4, 3, 0);
  for (size_t i = 0; i < 12; ++i)  // member-major
    EXPECT_EQ(run.reward.asked[i].text, tiny_prompts()[size_t(drawn[i % 2])].text) << i;
}

// Pictures of an untrained policy, drawn again one by one from their coordinates.
TEST(trainer, each_picture_is_drawn_for_its_own_prompt) {
  TrainConfig config = tiny_config();
  config.optimizer.learning_rate = 0;
  TinyRun run(config);
  run.iterate(1);
  const models::Pipeline& pipe = run.trainer.policy();
  auto draw = [&](const std::string& prompt, const diffusion::SampleKey& key) {
    const diffusion::NoiseSource source{.seed = 3, .purpose = "rollout"};
    const models::Conditioning cond = pipe.encode({prompt});
    const diffusion::Trajectories drawn = diffusion::rollout(
        diffusion::make_schedule(config.slots.sampler),
        diffusion::initial_noise(source, {key}, pipe.latent_shape()),
        [&](const at::Tensor& x, const diffusion::Step& step) {
          return pipe.predict(x, 1000 * step.sigma, cond);
        },
        [&](int64_t step) { return diffusion::step_noise(source, {key}, pipe.latent_shape(), step); }, {});
    return pipe.decode(drawn.final_BCHW)[0];
  };
  const std::vector<int64_t> prompts = draw_prompts(run.trainer.plan(), 4, 3, 0);
  for (const size_t i : {0u, 1u, 7u, 10u}) {
    const diffusion::SampleKey key{.epoch = 0, .prompt = prompts[i % 2], .member = int64_t(i / 2)};
    const at::Tensor seen = run.reward.seen[int64_t(i)];
    auto distance = [&](size_t slot) {
      return (draw(tiny_prompts()[size_t(prompts[slot])].text, key) - seen).abs().max().item<double>();
    };
    EXPECT_LT(distance(i % 2), 2e-6) << i;      // rounding, as below
    EXPECT_GT(distance(1 - i % 2), 1e-4) << i;  // the other prompt makes another picture
  }
}

// Rows of a batch do not depend on the others; kernels may block rows differently, which is worth a few
// roundings after four steps.
TEST(trainer, pictures_do_not_depend_on_the_micro_batch) {
  std::vector<at::Tensor> pictures;
  std::vector<double> norms;
  for (const int64_t size : {12, 6, 4, 1}) {
    TrainConfig config = tiny_config();
    config.rollout.micro_batch = size;
    TinyRun run(config);
    norms.push_back(run.iterate(1)[0].grad_norm);
    pictures.push_back(run.reward.seen);
  }
  for (size_t i = 1; i < pictures.size(); ++i) {
    EXPECT_LT((pictures[i] - pictures[0]).abs().max().item<double>(), 2e-6) << i;
    EXPECT_NEAR(norms[i] / norms[0], 1, 1e-4)
        << i;  // advantages divide by a small std and so magnify roundings
  }
}

TEST(trainer, the_gradient_is_the_same_in_micro_batches) {
  std::vector<double> norms, losses;
  for (const int64_t size : {12, 4, 2}) {
    TrainConfig config = tiny_config();
    config.rollout.micro_batch = size;
    TinyRun run(config);
    // Rewards of places, not of pixels: the advantages are equal to the bit.
    run.reward.disturb = [](rewards::Scores& scores) {
      for (size_t i = 0; i < scores.value.size(); ++i) scores.value[i] = double((i * 7) % 12);
    };
    const StepReport report = run.iterate(1)[0];
    norms.push_back(report.grad_norm);
    losses.push_back(report.policy_loss);
  }
  for (size_t i = 1; i < norms.size(); ++i) {
    EXPECT_NEAR(norms[i] / norms[0], 1, 2e-6) << i;
    EXPECT_NEAR(losses[i], losses[0], 1e-6) << i;
  }
}

TEST(trainer, groups_without_signal_make_no_update) {
  for (const char* zero : {"drop", "keep"}) {
    TrainConfig config = tiny_config();
    config.slots.advantage.zero = zero;
    config.slots.regularizer = {.kind = "kl_flow", .weight = 1};
    TinyRun run(config);
    run.reward.disturb = [](rewards::Scores& scores) {
      std::fill(scores.value.begin(), scores.value.end(), 0.3);
    };
    const std::vector<at::Tensor> before = run.weights();
    const StepReport report = run.iterate(1)[0];
    const bool dropped = std::string(zero) == "drop";
    EXPECT_EQ(report.zero_std_ratio, 1.0);
    EXPECT_EQ(report.trained_images, dropped ? 0 : 12);
    EXPECT_EQ(report.updates, dropped ? 0 : 1);
    EXPECT_EQ(report.grad_norm, 0.0);                      // kept: the policy is its reference, nothing pulls
    EXPECT_EQ(all_equal(run.weights(), before), dropped);  // not even weight decay
  }
}

TEST(trainer, one_group_without_signal_leaves_the_other) {
  TinyRun run(tiny_config());
  run.reward.disturb = [](rewards::Scores& scores) {
    for (size_t i = 0; i < scores.value.size(); i += 2) scores.value[i] = 0.3;  // the first prompt's members
  };
  const StepReport report = run.iterate(1)[0];
  EXPECT_EQ(report.zero_std_ratio, 0.5);
  EXPECT_EQ(report.trained_images, 6);
  EXPECT_EQ(report.updates, 1);
}

TEST(trainer, a_reward_that_is_not_a_number_is_a_counted_failure) {
  TinyRun run(tiny_config());
  run.reward.disturb = [](rewards::Scores& scores) {
    scores.value[3] = kNaN;
    scores.value[5] = std::numeric_limits<double>::infinity();
    scores.failure[7] = "unreadable";
    scores.value[7] = 1e6;
  };
  const StepReport report = run.iterate(1)[0];
  EXPECT_EQ(report.reward_failures, 3);
  EXPECT_EQ(report.trained_images, 9);
  EXPECT_TRUE(std::isfinite(report.reward_mean));
  EXPECT_LT(report.reward_mean, 1);
  EXPECT_TRUE(std::isfinite(report.grad_norm));
  EXPECT_EQ(report.updates, 1);
}

TEST(trainer, reward_failures_can_stop_the_run) {
  TrainConfig config = tiny_config();
  config.guard.on_reward_failure = "stop";
  TinyRun strict(config);
  strict.reward.disturb = [](rewards::Scores& scores) { scores.failure[2] = "the reader broke"; };
  EXPECT_EQ(
      message_of<NumericalError>([&] { strict.trainer.iterate(); }),
      "[reward] the reward 'red' failed for 1 of 12 pictures in iteration 1; first reason: the reader broke");
  TinyRun lenient(tiny_config());
  lenient.reward.disturb = [](rewards::Scores& scores) {
    std::fill(scores.value.begin(), scores.value.end(), kNaN);
  };
  EXPECT_EQ(message_of<NumericalError>([&] { lenient.trainer.iterate(); }),
            "[reward] the reward 'red' failed for 12 of 12 pictures in iteration 1; first reason: the reward "
            "is not "
            "finite");
}

TEST(trainer, a_policy_that_changed_behind_the_rollout_is_noticed) {
  TinyRun run(tiny_config());
  run.reward.disturb = [&](rewards::Scores&) {
    at::NoGradGuard no_grad;
    for (const nn::NamedTensor& param : run.trainer.params()) param.tensor.detach().mul_(1.01);
  };
  const std::vector<at::Tensor> before = run.weights();
  const std::string message = message_of<NumericalError>([&] { run.trainer.iterate(); });
  EXPECT_TRUE(message.starts_with("[guard] rollout and update must see the same policy")) << message;
}

TEST(trainer, updates_that_are_not_finite_are_skipped_and_counted) {
  set_log_level(LogLevel::kQuiet);
  TinyRun run(tiny_config());
  run.reward.disturb = [&](rewards::Scores&) {
    if (run.trainer.steps_done() != 1) return;
    at::NoGradGuard no_grad;  // poisons the update, not the rollout
    run.trainer.params()[0].tensor.detach().fill_(kNaN);
  };
  EXPECT_EQ(run.iterate(1)[0].skipped, 0);
  const StepReport report = run.iterate(1)[0];
  set_log_level(LogLevel::kInfo);
  EXPECT_EQ(report.skipped, 1);
  EXPECT_EQ(report.skipped_total, 1);
  EXPECT_EQ(report.updates, 0);
  EXPECT_TRUE(nlohmann::json::parse(report.to_json().dump())["policy_loss"].is_null());
}

TEST(trainer, several_updates_share_the_pictures) {
  TrainConfig config = tiny_config();
  config.rollout.updates = 3;
  TinyRun run(config);
  const StepReport report = run.iterate(1)[0];
  EXPECT_EQ(report.updates, 3);
  EXPECT_GT(report.approx_kl, 0);  // from the second update on the policy has moved
}

// Members whose reward is exactly their group's mean are dropped: only the last micro-batch has anything to
// learn.
TEST(trainer, each_update_sees_its_own_share_of_the_pictures) {
  TrainConfig config = tiny_config();
  config.rollout.updates = 3;
  TinyRun run(config);
  run.reward.disturb = [](rewards::Scores& scores) {
    std::fill(scores.value.begin(), scores.value.end(), 0.5);
    for (const size_t i : {8u, 9u}) scores.value[i] = 0;  // member 4 of both prompts
    for (const size_t i : {10u, 11u}) scores.value[i] = 1;
  };
  const StepReport report = run.iterate(1)[0];
  EXPECT_EQ(report.trained_images, 4);
  EXPECT_EQ(report.updates, 1);
}

TEST(trainer, only_the_denoiser_trains) {
  TinyRun run(tiny_config());
  std::vector<at::Tensor> encoder;
  for (const nn::NamedTensor& param : run.trainer.policy().text_encoders().at(0).store->params())
    encoder.push_back(param.tensor.detach().clone());
  const std::vector<at::Tensor> before = run.weights();
  run.iterate(1);
  EXPECT_FALSE(all_equal(run.weights(), before));
  for (size_t i = 0; i < encoder.size(); ++i)
    EXPECT_TRUE(at::equal(run.trainer.policy().text_encoders().at(0).store->params()[i].tensor, encoder[i]));
}

// Counts what passes.
class Listener : public Hooks {
 public:
  void begin(Span) override { ++spans; }
  Rollout draw(const std::vector<Rollout>& before, const std::vector<SampleRow>&,
               const std::function<Rollout()>& roll_out) override {
    EXPECT_EQ(int64_t(before.size()), drawn++);
    return roll_out();
  }
  void train(MicroBatch& batch, const UpdateInputs& inputs,
             const std::function<void(const algorithms::TrainItem&)>& on_item) override {
    Hooks::train(batch, inputs, [&](const algorithms::TrainItem& item) {
      ++items;
      on_item(item);
    });
  }
  int64_t spans = 0, drawn = 0, items = 0;
};

TEST(trainer, hooks_see_every_piece_and_change_nothing) {
  Listener listener;
  TinyRun watched(tiny_config("drift"), 1, listener), plain(tiny_config("drift"));
  watched.iterate(1);
  plain.iterate(1);
  EXPECT_TRUE(all_equal(watched.weights(), plain.weights()));
  const BatchPlan& plan = watched.trainer.plan();
  EXPECT_EQ(listener.spans, 6);  // five of the construction, one of the iteration
  EXPECT_EQ(listener.drawn, plan.micro_batches);
  EXPECT_EQ(listener.items, 4 * plan.prompts * plan.keep / plan.micro_batch);  // all four steps train
}

TEST(trainer, the_learning_rate_follows_its_schedule) {
  TrainConfig config = tiny_config();
  config.iterations = 4;
  config.lr_schedule = {.kind = "linear", .warmup = 2};
  TinyRun run(config);
  std::vector<double> rates{run.iterate(1)[0].learning_rate};
  config.optimizer.learning_rate /= 2;
  config.lr_schedule = {};
  TinyRun half(config);
  half.iterate(1);
  EXPECT_TRUE(all_equal(run.weights(), half.weights()));  // one of two steps of the warm-up: half of the rate
  for (const StepReport& report : run.iterate(3)) rates.push_back(report.learning_rate);
  EXPECT_EQ(rates, (std::vector<double>{1e-3, 2e-3, 2e-3, 1e-3}));
  half.iterate(1);
  EXPECT_FALSE(all_equal(run.weights(), half.weights()));
}

TEST(trainer, a_schedule_without_noise_is_refused_at_once) {
  TrainConfig config = tiny_config();
  config.slots.sampler.kind = "ode";
  EXPECT_THROW(TinyRun{config}, ConfigError);
  config = tiny_config();
  config.rollout.micro_batch = 5;
  EXPECT_THROW(TinyRun{config}, ConfigError);
}

// Sums in other orders: a few roundings per update, which AdamW's division by the gradient's size magnifies
// to a share of the learning rate, 2e-3, where a gradient is near zero.
TEST(trainer, the_number_of_threads_changes_little) {
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

}  // namespace trainer_test
}  // namespace gamut::train
