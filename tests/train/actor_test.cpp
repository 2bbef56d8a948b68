// SPDX-License-Identifier: Apache-2.0
// The network on the rows' prompts, at a step or at a point of the forward process.
#include "gamut/train/actor.h"

#include "gamut/train/policy.h"
#include "tiny_training.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

namespace gamut::train {
namespace actor_test {

const std::vector<SampleRow> kRows{{.key = {.epoch = 2, .prompt = 0, .member = 0}, .slot = 0},
                                   {.key = {.epoch = 2, .prompt = 1, .member = 0}, .slot = 1},
                                   {.key = {.epoch = 2, .prompt = 0, .member = 5}, .slot = 0}};

struct Case {
  testing::TempFolder folder;
  TrainConfig config;
  std::optional<models::Pipeline> policy;
  explicit Case(const std::string& conditioning) : config(tiny_config("awm")) {
    config.slots.conditioning.kind = conditioning;
    config.slots.conditioning.strength = 3;
    testing::write_tiny_model(folder / "configs");
    models::Pipeline::create(folder / "configs", 5, {}).save(folder / "model");
    config.model = (folder / "model").string();
    policy.emplace(open_policy(config));
  }
};

// Every row at the level of the same step is the step itself, the prompt's variation included.
TEST(actor, a_point_at_a_steps_level_is_that_step) {
  const at::NoGradGuard no_grad;
  const testing::Threads one(1);
  const at::Tensor x = at::randn({3, 12, 4, 4});
  at::Tensor answers[2];
  for (const char* conditioning : {"clean", "annealed_noise"}) {
    const Case made(conditioning);
    const Actor actor(made.config, *made.policy, tiny_prompts(), {});
    const std::vector<diffusion::Step> schedule = diffusion::make_schedule(made.config.slots.sampler);
    const diffusion::ForwardProcess process(made.config.slots.sampler);
    const auto at_step = actor.denoiser(*made.policy, kRows);
    const auto at_points = actor.point_denoiser(*made.policy, kRows, schedule);
    for (const diffusion::Step& step : schedule) {
      const std::vector<diffusion::ForwardPoint> points(3, process.at(process.time_of(step), schedule));
      const at::Tensor expected = at_step(x, step);
      // A time embedding per row: other blocks of the same products.
      EXPECT_LT((at_points(x, points) - expected).abs().max().item<double>(), 1e-5) << conditioning;
      if (step.index == 0) answers[std::string(conditioning) == "clean"] = expected;
    }
  }
  EXPECT_GT((answers[0] - answers[1]).abs().max().item<double>(), 1e-4);  // else the variation was not seen
}

// Rows at times of their own are as they are alone.
TEST(actor, points_of_a_batch_do_not_see_each_other) {
  const at::NoGradGuard no_grad;
  const testing::Threads one(1);
  const Case made("annealed_noise");
  const Actor actor(made.config, *made.policy, tiny_prompts(), {});
  const std::vector<diffusion::Step> schedule = diffusion::make_schedule(made.config.slots.sampler);
  const diffusion::ForwardProcess process(made.config.slots.sampler);
  const at::Tensor x = at::randn({3, 12, 4, 4});
  std::vector<diffusion::ForwardPoint> points;
  for (const double time : {0.9, 0.3, 0.55}) points.push_back(process.at(time, schedule));
  const at::Tensor together = actor.point_denoiser(*made.policy, kRows, schedule)(x, points);
  for (size_t row = 0; row < 3; ++row) {
    const at::Tensor alone = actor.point_denoiser(*made.policy, {kRows[row]}, schedule)(
        x.narrow(0, int64_t(row), 1), {points[row]});
    EXPECT_LT((together[int64_t(row)] - alone[0]).abs().max().item<double>(), 1e-5) << row;
  }
}

// A plain point asks with the prompt that the caption stands for, whichever way the batch mixes them.
TEST(actor, a_plain_point_has_the_plain_prompt) {
  const at::NoGradGuard no_grad;
  const testing::Threads one(1);
  Case made("annealed_noise");
  std::vector<text::Prompt> captions = tiny_prompts();
  captions[0].plain = "digit 7";  // the third of tiny_prompts()
  const std::vector<diffusion::Step> schedule = diffusion::make_schedule(made.config.slots.sampler);
  const diffusion::ForwardProcess process(made.config.slots.sampler);
  const at::Tensor x = at::randn({3, 12, 4, 4});
  const auto answers = [&](const std::vector<text::Prompt>& prompts, std::vector<bool> plain) {
    const Actor actor(made.config, *made.policy, prompts, {});
    std::vector<diffusion::ForwardPoint> points(3, process.at(0.6, schedule));
    for (size_t row = 0; row < 3; ++row) points[row].plain = plain[row];
    return actor.point_denoiser(*made.policy, kRows, schedule)(x, points);
  };
  std::vector<text::Prompt> plain = tiny_prompts();
  plain[0].text = "digit 7";
  const at::Tensor as_caption = answers(captions, {false, false, false}),
                   as_plain = answers(plain, {false, false, false});
  EXPECT_TRUE(at::equal(answers(captions, {true, true, true}), as_caption));  // no share: nobody asks
  made.config.slots.objective.plain_share = 0.5;
  EXPECT_TRUE(at::equal(answers(captions, {false, false, false}), as_caption));
  const at::Tensor mixed = answers(captions, {true, true, false});
  EXPECT_LT((mixed[0] - as_plain[0]).abs().max().item<double>(), 1e-5);
  EXPECT_GT((mixed[0] - as_caption[0]).abs().max().item<double>(), 1e-4);
  EXPECT_LT((mixed[1] - as_caption[1]).abs().max().item<double>(), 1e-5);  // its text is a prompt already
  EXPECT_LT((mixed[2] - as_caption[2]).abs().max().item<double>(), 1e-5);
}

}  // namespace actor_test
}  // namespace gamut::train
