// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/eval/evaluate.h"
#include "crafted.h"
#include "support/message_of.h"
#include "support/temp_folder.h"
#include "support/threads.h"
#include "support/tiny_model.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::eval {
namespace evaluate_test {

using testing::TempFolder;

CraftedReward brightness() {
  return CraftedReward(
      [](const at::Tensor& picture, const text::Prompt&) { return picture.mean().item<double>(); });
}

EvalConfig small_config() {
  EvalConfig config;
  config.members = 3;
  config.steps = 4;
  config.seed = 77;
  config.micro_batch = 4;
  return config;
}

const std::vector<text::Prompt> kPrompts{{"the digit 7", "7", {}}, {"the letter k", "K", {}}};

nlohmann::ordered_json without_time(const Evaluation& evaluation) {
  nlohmann::ordered_json row = evaluation.to_json();
  row.erase("seconds");
  return row;
}

TEST(evaluate, measures_the_pictures_it_hands_over) {
  const testing::Threads threads(1);
  const TempFolder folder;
  const models::Pipeline pipe = models::Pipeline::create(testing::write_tiny_model(folder.path()), 5, {});
  CraftedReward reward = brightness(), judge = brightness();
  const Measured measured = evaluate(pipe, kPrompts, {.reward = reward, .judge = judge}, small_config());
  const at::Tensor& pictures = measured.pictures;
  const Evaluation& got = measured.numbers;
  ASSERT_EQ(pictures.sizes(), at::IntArrayRef({6, 3, 8, 8}));
  EXPECT_NEAR(got["reward"], pictures.mean().item<double>(), 1e-6);
  EXPECT_EQ(got.steps, 4);
  EXPECT_EQ(got.seed, 77);
  EXPECT_GT(got.seconds, 0);
  Evaluation again = measure(pictures, kPrompts, {.reward = reward, .judge = judge}).numbers;
  again.steps = 4;
  again.seed = 77;
  EXPECT_EQ(without_time(again), without_time(got));
}

TEST(evaluate, equal_seeds_give_equal_numbers) {
  const testing::Threads threads(1);
  const TempFolder folder;
  const models::Pipeline pipe = models::Pipeline::create(testing::write_tiny_model(folder.path()), 5, {});
  CraftedReward reward = brightness(), judge = brightness();
  const Judges judges{.reward = reward, .judge = judge};
  EvalConfig other = small_config();
  other.seed = 78;
  const Evaluation one = evaluate(pipe, kPrompts, judges, small_config()).numbers;
  EXPECT_EQ(without_time(evaluate(pipe, kPrompts, judges, small_config()).numbers), without_time(one));
  EXPECT_NE(evaluate(pipe, kPrompts, judges, other).numbers["reward"], one["reward"]);
}

TEST(evaluate, passes_are_what_the_configuration_asks_for) {
  EvalConfig config = small_config();
  EXPECT_EQ(eval_passes(config), (std::vector<EvalPass>{{}, {.role = "report"}}));
  config.report_seed = -1;
  EXPECT_EQ(eval_passes(config), (std::vector<EvalPass>{{}}));
  config.heldout = "somewhere";
  config.raw = true;
  EXPECT_EQ(eval_passes(config), (std::vector<EvalPass>{{}, {.set = "heldout"}, {.weights = "raw"}}));
  config.report_seed = 78;
  EXPECT_EQ(config_of({.role = "report"}, config).seed, 78);
  EXPECT_EQ(config_of({.set = "heldout"}, config).members, config.heldout_members);
  EXPECT_EQ(config_of({}, config).members, 3);
}

TEST(evaluate, rows_say_which_pass_they_are) {
  EXPECT_EQ(pass_of({{"step", 3}}), EvalPass{});  // as rows were before there were others
  EXPECT_EQ(pass_of({{"weights", "base"}}), EvalPass{});
  EXPECT_EQ(pass_of({{"weights", "raw"}, {"role", "select"}, {"set", "prompts"}}),
            (EvalPass{.weights = "raw"}));
  EXPECT_EQ(pass_of({{"weights", "base"}, {"role", "report"}, {"set", "prompts"}}),
            (EvalPass{.role = "report"}));
  EXPECT_EQ(pass_of({{"weights", "ema"}, {"role", "select"}, {"set", "heldout"}}),
            (EvalPass{.set = "heldout"}));
}

// One starting noise per picture and the same steps: the base against itself is 1, and its trace is what a
// second draw of it gives.
TEST(evaluate, the_base_is_itself) {
  const testing::Threads threads(1);
  const TempFolder folder;
  const models::Pipeline pipe = models::Pipeline::create(testing::write_tiny_model(folder.path()), 5, {});
  CraftedReward reward = brightness(), judge = brightness();
  const Judges judges{.reward = reward, .judge = judge};
  const Measured base = evaluate(pipe, kPrompts, judges, small_config(), {.is_measured = true});
  EXPECT_EQ(base.numbers["prediction_norm"], 1);
  EXPECT_EQ(base.trace.norms_SB.sizes(), at::IntArrayRef({4, 6}));
  const Trace again = trace_of(pipe, kPrompts, judges, small_config());
  EXPECT_TRUE(at::equal(again.norms_SB, base.trace.norms_SB));
  EXPECT_TRUE(at::equal(again.features_BD, base.trace.features_BD));
  const Measured compared = evaluate(pipe, kPrompts, judges, small_config(), {.trace = again});
  EXPECT_EQ(without_time(compared.numbers), without_time(base.numbers));
}

}  // namespace evaluate_test
}  // namespace gamut::eval
