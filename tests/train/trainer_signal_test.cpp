// SPDX-License-Identifier: Apache-2.0
// Iterations whose rewards, pictures or gradients say little, or nothing that can be used.
#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/train/trainer.h"
#include "support/message_of.h"
#include "tiny_training.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace gamut::train {
namespace trainer_signal_test {

using testing::message_of;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(trainer_signal, groups_without_signal_make_no_update) {
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

TEST(trainer_signal, one_group_without_signal_leaves_the_other) {
  TinyRun run(tiny_config());
  run.reward.disturb = [](rewards::Scores& scores) {
    for (size_t i = 0; i < scores.value.size(); i += 2) scores.value[i] = 0.3;  // the first prompt's members
  };
  const StepReport report = run.iterate(1)[0];
  EXPECT_EQ(report.zero_std_ratio, 0.5);
  EXPECT_EQ(report.trained_images, 6);
  EXPECT_EQ(report.updates, 1);
}

TEST(trainer_signal, a_reward_that_is_not_a_number_is_a_counted_failure) {
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

TEST(trainer_signal, reward_failures_can_stop_the_run) {
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

TEST(trainer_signal, a_policy_that_changed_behind_the_rollout_is_noticed) {
  TinyRun run(tiny_config());
  run.reward.disturb = [&](rewards::Scores&) {
    at::NoGradGuard no_grad;
    for (const nn::NamedTensor& param : run.trainer.params()) param.tensor.detach().mul_(1.01);
  };
  const std::vector<at::Tensor> before = run.weights();
  const std::string message = message_of<NumericalError>([&] { run.trainer.iterate(); });
  EXPECT_TRUE(message.starts_with("[guard] rollout and update must see the same policy")) << message;
}

TEST(trainer_signal, updates_that_are_not_finite_are_skipped_and_counted) {
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

TEST(trainer_signal, several_updates_share_the_pictures) {
  TrainConfig config = tiny_config();
  config.rollout.updates = 3;
  TinyRun run(config);
  const StepReport report = run.iterate(1)[0];
  EXPECT_EQ(report.updates, 3);
  EXPECT_GT(report.approx_kl, 0);  // from the second update on the policy has moved
}

// Members whose reward is exactly their group's mean are dropped: only the last micro-batch has anything to
// learn.
TEST(trainer_signal, each_update_sees_its_own_share_of_the_pictures) {
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

}  // namespace trainer_signal_test
}  // namespace gamut::train
