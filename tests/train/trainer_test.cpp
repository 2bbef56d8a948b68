// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/trainer.h"

#include "tiny_training.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::train {
namespace trainer_test {

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

}  // namespace trainer_test
}  // namespace gamut::train
