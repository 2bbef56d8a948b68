// SPDX-License-Identifier: Apache-2.0
// The recipes for Stable Diffusion 1.x on tests/cli/fixtures/tiny_sd, a tiny pipeline that diffusers made.
// What diffusers makes of the adapter is tests/interop/sd15_drift.py, which needs Python packages.
#include "cli/adapter_samples.h"
#include "cli/run_program.h"
#include "gamut/core/error.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::testing {
namespace sd15_recipes_test {

using nlohmann::json;

constexpr const char* kTiny = "tests/cli/fixtures/tiny_sd";

// Two iterations; `more` overrides what is set here.
Ran train(const std::string& recipe, const std::filesystem::path& run,
          const std::vector<std::string>& more = {}) {
  std::vector<std::string> sets = {cat("model=", kTiny),
                                   "device=cpu",
                                   "dtype=fp32",
                                   "iterations=2",
                                   "sampler.steps=4",
                                   "reward.kind=jpeg_compressibility",
                                   "rollout.prompts_per_iteration=2",
                                   "rollout.group_size=4",
                                   "rollout.micro_batch=4",
                                   "rollout.updates=1",
                                   "eval.members=2",
                                   "eval.steps=2",
                                   "eval.micro_batch=4"};
  sets.insert(sets.end(), more.begin(), more.end());
  std::vector<std::string> args = {"train", "recipes/sd15/" + recipe, "--run", run.string()};
  for (const std::string& set : sets) args.insert(args.end(), {"--set", set});
  return gamut(args);
}

TEST(sd15_recipes, each_trains_a_tiny_pipeline_on_policy) {
  for (const std::string recipe : {"ddpo.toml", "drift.toml", "diverse_grpo.toml", "dance_grpo.toml"}) {
    const TempFolder folder;
    const Ran ran = train(recipe, folder / "run", {"regularizer.steps=2"});
    ASSERT_EQ(ran.code, 0) << recipe << "\n" << ran.err;
    const std::vector<json> metrics = rows_of(folder / "run/metrics.jsonl");
    ASSERT_EQ(metrics.size(), 2u);
    for (const json& row : metrics) {
      EXPECT_EQ(row.at("ratio_max_deviation"), 0.0) << recipe;
      EXPECT_EQ(row.at("reward_failures"), 0);
      EXPECT_LT(row.at("reward_mean").get<double>(), 0);
      EXPECT_GT(row.at("grad_norm").get<double>(), 0) << recipe;
    }
  }
}

// Nothing of the glyph task's, and no share of readings where nothing is read; the base beside each
// evaluation.
TEST(sd15_recipes, shows_the_measures_that_apply) {
  const TempFolder folder;
  ASSERT_EQ(
      train("ddpo.toml", folder / "run", {"rollout.updates=1", "optimizer.learning_rate=0.05", "ema.decay=0"})
          .code,
      0);
  for (const json& row : rows_of(folder / "run/evals.jsonl")) {
    for (const char* key :
         {"color_pairs", "contrast", "color_accuracy", "colors_obeyed", "reward_exact", "judge_exact"}) {
      EXPECT_FALSE(row.contains(key)) << key;
      EXPECT_FALSE(row.at("per_prompt").contains(key)) << key;
    }
    for (const char* key :
         {"reward", "judge", "feature_distance", "vendi", "pvs", "recall", "prediction_norm"})
      EXPECT_TRUE(row.at(key).is_number()) << key;
    EXPECT_EQ(row.at("prediction_norm") == 1.0, row.at("step") == 0);
  }
  for (const json& row : rows_of(folder / "run/metrics.jsonl")) EXPECT_FALSE(row.contains("reward_exact"));
  const std::string run = (folder / "run").string();
  const Ran compared = gamut({"compare", run, "--out", (folder / "sheet.png").string()});
  ASSERT_EQ(compared.code, 0) << compared.err;
  const Ran measured = gamut({"eval", run});
  ASSERT_EQ(measured.code, 0) << measured.err;
  for (const std::string& text : {compared.out, measured.out}) {
    for (const char* word : {"color pairs", "contrast", "color accuracy", "read exactly"})
      EXPECT_EQ(text.find(word), std::string::npos) << text;
    for (const char* word : {"tonal variety (PVS)", "recall of the base", "norm against the base's"})
      EXPECT_NE(text.find(word), std::string::npos) << text;
  }
  ASSERT_EQ(gamut({"report", run, "-o", (folder / "page.html").string()}).code, 0);
  EXPECT_NE(read_file(folder / "page.html").find("\"palettes\":[]"), std::string::npos);
  const Ran refused = gamut({"frontier", run, "--y", "color_pairs"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("has the measure 'color_pairs'"), std::string::npos) << refused.err;
}

// Objectives on finished latents, drawn without noise, with guidance and an epsilon-prediction base.
TEST(sd15_recipes, objectives_on_the_forward_process_train_it_too) {
  for (const std::string objective : {"awm", "nft", "weighted_matching"}) {
    const TempFolder folder;
    const Ran ran =
        train("ddpo.toml", folder / "run", {"algorithm=" + objective, "sampler.kind=ddim", "sampler.eta=0"});
    ASSERT_EQ(ran.code, 0) << objective << "\n" << ran.err;
    for (const json& row : rows_of(folder / "run/metrics.jsonl")) {
      EXPECT_EQ(row.at("ratio_max_deviation"), 0.0) << objective;
      EXPECT_GT(row.at("grad_norm").get<double>(), 0) << objective;
      EXPECT_EQ(row.at("updates"), 1) << objective;
    }
  }
}

TEST(sd15_recipes, the_adapter_changes_what_is_sampled) {
  const TempFolder folder;
  // A large rate: after two iterations of the published one an 8-bit picture would hardly differ.
  ASSERT_EQ(
      train("drift.toml", folder / "run", {"optimizer.learning_rate=0.05", "ema.decay=0", "ema.every=1"})
          .code,
      0);
  expect_adapter_changes_samples(kTiny, folder / "run/model", folder);
}

TEST(sd15_recipes, parts_of_a_sum_are_logged_apart) {
  const TempFolder folder;
  const Ran ran =
      train("ddpo.toml", folder / "run",
            {"reward.kind=mix", "reward.mix.colorfulness=0.1", "reward.mix.jpeg_compressibility=2"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  for (const json& row : rows_of(folder / "run/metrics.jsonl")) {
    const double color = row.at("reward_mean_colorfulness"),
                 size = row.at("reward_mean_jpeg_compressibility");
    EXPECT_NEAR(row.at("reward_mean").get<double>(), 0.1 * color + 2 * size, 1e-9);
  }
}

TEST(sd15_recipes, what_a_recipe_leaves_open_is_asked_for) {
  const TempFolder folder;
  const Ran ran = train("drift.toml", folder / "run", {"reward.kind=pickscore"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err,
            "error: [reward] reward 'pickscore' needs pickscore_model = folder of PickScore_v1; got none; "
            "docs/rewards.md says where it comes from\n");
  EXPECT_FALSE(std::filesystem::exists(folder / "run/metrics.jsonl"));
}

}  // namespace sd15_recipes_test
}  // namespace gamut::testing
