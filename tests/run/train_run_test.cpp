// SPDX-License-Identifier: Apache-2.0
// A run as a library call: own rewards, an end on request, going on to the same bits, and the example
// program.
#include "gamut/run/train_run.h"

#include "cli/micro.h"
#include "gamut/core/stop.h"
#include "gamut/rewards/pictures.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

namespace gamut::testing {
namespace train_run_test {

// How bright a picture is; asks for an end after so many calls.
class Brightness : public rewards::Reward {
 public:
  explicit Brightness(int calls_until_stop = -1) : left_(calls_until_stop) {}
  std::string name() const override { return "brightness"; }
  rewards::Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    rewards::Scores scores = rewards::start_scores(pictures, prompts);
    for (size_t i = 0; i < prompts.size(); ++i) scores.value[i] = pictures[int64_t(i)].mean().item<double>();
    ++calls;
    if (left_-- == 0) request_stop();
    return scores;
  }
  int calls = 0;

 private:
  int left_;
};

run::TrainRecipe recipe_of(const Micro& micro) { return run::load_train_recipe(micro.recipe(), {}); }

TEST(train_run, trains_on_an_own_reward) {
  const Micro micro;
  Brightness reward, judge;
  bool started = false;
  const run::TrainOutcome done = run::train(
      recipe_of(micro), {.folder = micro / "run", .reward = &reward, .judge = &judge, .on_start = [&] {
                           started = reward.calls == 0;
                         }});
  EXPECT_TRUE(started);
  EXPECT_TRUE(done.finished);
  EXPECT_EQ(done.steps, 4);
  EXPECT_EQ(done.reward, "brightness");
  EXPECT_EQ(done.judge, "brightness");
  EXPECT_EQ(done.first_prompt, "the digit 7");
  EXPECT_GE(reward.calls, 4 + 3);  // iterations and evaluations
  EXPECT_EQ(done.table, io::read_text(micro / "run" / "before_after.txt"));
  EXPECT_TRUE(fs::exists(done.model / "model_index.json"));
  EXPECT_TRUE(fs::exists(done.sheet));
  // The recipe's own reader would have given other numbers.
  const auto row = io::read_json_lines(micro / "run" / "evals.jsonl").front();
  EXPECT_EQ(row.at("reward"), row.at("judge"));
  EXPECT_GT(row.at("reward").get<double>(), 0.1);
}

// Remembers what it was asked about.
class Listener : public Brightness {
 public:
  rewards::Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    for (const text::Prompt& prompt : prompts) heard.insert(prompt.text + " = " + prompt.target);
    return Brightness::score(pictures, prompts);
  }
  std::set<std::string> heard = {};
};

TEST(train_run, rollouts_draw_variants_and_evaluations_prompts) {
  const Micro micro;
  io::write_atomically(micro / "p.jsonl",
                       "{\"prompt\": \"the digit 7\", \"target\": \"7\"}\n"
                       "{\"prompt\": \"the letter K\", \"target\": \"K\"}\n");
  io::write_atomically(
      micro / "v.jsonl",
      R"({"prompt": "the digit 7", "variants": ["the digit 7, serif", "the digit 7, sans"]})");
  Listener reward, judge;
  run::train(run::load_train_recipe(micro.recipe(), {"rollout.prompts=" + (micro / "p.jsonl").string(),
                                                     "rollout.variants=" + (micro / "v.jsonl").string()}),
             {.folder = micro / "run", .reward = &reward, .judge = &judge});
  EXPECT_EQ(judge.heard, (std::set<std::string>{"the digit 7 = 7", "the letter K = K"}));
  EXPECT_EQ(reward.heard, (std::set<std::string>{"the digit 7 = 7", "the letter K = K",
                                                 "the digit 7, serif = 7", "the digit 7, sans = 7"}));
}

TEST(train_run, plain_prompts_are_asked_for_where_captions_draw) {
  const Micro micro;
  const run::TrainRecipe recipe =
      run::load_train_recipe(micro.recipe(), {"algorithm=awm", "objective.plain_share=0.5"});
  const std::string message = testing::message_of<ConfigError>([&] { recipe.load_rollout_prompts(); });
  EXPECT_NE(message.find("objective.plain_share is 0.5 and rollout.variants is empty"), std::string::npos)
      << message;
}

TEST(train_run, ends_on_request_and_goes_on_to_the_same_bits) {
  const Micro micro;
  Brightness judge, whole_reward;
  run::train(recipe_of(micro), {.folder = micro / "whole", .reward = &whole_reward, .judge = &judge});

  Brightness stopping(2);
  const run::TrainOutcome stopped =
      run::train(recipe_of(micro), {.folder = micro / "parts", .reward = &stopping, .judge = &judge});
  clear_stop();
  EXPECT_FALSE(stopped.finished);
  EXPECT_GT(stopped.steps, 0);
  EXPECT_LT(stopped.steps, 4);
  Brightness reward;
  const run::TrainOutcome done = run::train(
      recipe_of(micro), {.folder = micro / "parts", .resume = true, .reward = &reward, .judge = &judge});
  EXPECT_TRUE(done.finished);
  for (const char* file : {"metrics.jsonl", "evals.jsonl"})
    EXPECT_EQ(rows_without_seconds(micro / "parts" / file), rows_without_seconds(micro / "whole" / file))
        << file;
}

TEST(train_run, its_own_stop_ends_it_alone) {
  const Micro micro;
  Brightness reward;
  bool enough = false;
  const run::TrainOutcome stopped = run::train(
      recipe_of(micro), {.folder = micro / "run",
                         .reward = &reward,
                         .judge = &reward,
                         .on_step = [&](const nlohmann::ordered_json& row) { enough = row.at("step") == 2; },
                         .stop = [&] { return enough; }});
  EXPECT_FALSE(stopped.finished);
  EXPECT_EQ(stopped.steps, 2);
  EXPECT_TRUE(fs::exists(micro / "run" / "checkpoints"));
  EXPECT_FALSE(stop_requested());
}

TEST(train_run, refuses_a_folder_in_the_way) {
  const Micro micro;
  fs::create_directory(micro / "taken");
  write_raw(micro / "taken" / "mine.txt", "mine");
  Brightness reward;
  EXPECT_THROW(run::train(recipe_of(micro), {.folder = micro / "taken", .reward = &reward}), Error);
  EXPECT_EQ(io::read_text(micro / "taken" / "mine.txt"), "mine");
  EXPECT_EQ(reward.calls, 0);
}

TEST(train_run, the_example_trains_the_glyph_base) {
  const Micro micro;
  const std::string command = cat("cd ", quoted(kSource), " && OMP_NUM_THREADS=1 ",
                                  quoted(OWN_REWARD_PROGRAM), " ", quoted(micro / "run"),
                                  " iterations=2 rollout.prompts_per_iteration=2 rollout.group_size=4 "
                                  "rollout.micro_batch=4 subset.candidates=4"
                                  " subset.keep=2 sampler.steps=4 eval.prompts=",
                                  quoted(micro / "prompts.jsonl"),
                                  " 'eval.heldout=\"\"' eval.members=2"
                                  " eval.steps=2 eval.report_seed=-1 eval.features=pixels > ",
                                  quoted(micro / "out"), " 2> ", quoted(micro / "err"));
  EXPECT_EQ(std::system(command.c_str()), 0) << io::read_text(micro / "err");
  EXPECT_TRUE(fs::exists(micro / "run" / "model" / "model_index.json"));
  EXPECT_NE(io::read_text(micro / "out").find("before"), std::string::npos);
  const size_t rows = io::read_json_lines(micro / "run" / "metrics.jsonl").size();
  EXPECT_EQ(rows, 2U);
}

TEST(train_run, evaluates_at_a_list_of_iterations) {
  const Micro micro;
  Brightness reward, judge;
  const run::TrainRecipe recipe = run::load_train_recipe(micro.recipe(), {"eval.at=[1, 3, 900]"});
  run::train(recipe, {.folder = micro / "run", .reward = &reward, .judge = &judge});
  std::set<int64_t> steps;
  for (const auto& row : io::read_json_lines(micro / "run" / "evals.jsonl"))
    steps.insert(row.at("step").get<int64_t>());
  EXPECT_EQ(steps, (std::set<int64_t>{0, 1, 3, 4}));
  // What is there is all that a resumed run asks for.
  fs::remove(micro / "run" / "before_after.txt");
  EXPECT_TRUE(
      run::train(recipe, {.folder = micro / "run", .resume = true, .reward = &reward, .judge = &judge})
          .finished);
}

}  // namespace train_run_test
}  // namespace gamut::testing
