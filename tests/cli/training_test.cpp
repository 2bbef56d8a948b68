// SPDX-License-Identifier: Apache-2.0
// `gamut train` on a tiny model: what it leaves behind, rewards without signal, rewards that fail.
#include "cli/micro.h"
#include "cli/run_program.h"
#include "support/library_sums.h"

#include <gtest/gtest.h>

#include <set>

namespace gamut::testing {
namespace training_test {

using nlohmann::json;

const std::string kUnet = "unet/diffusion_pytorch_model.safetensors";

std::set<std::string> keys(const json& row) {
  std::set<std::string> keys;
  for (const auto& [key, value] : row.items()) keys.insert(key);
  return keys;
}

// The bytes of every tensor, whatever the header's padding.
std::map<std::string, std::string> tensors(const fs::path& path) {
  const io::SafetensorsFile file = io::SafetensorsFile::open(path);
  std::map<std::string, std::string> out;
  for (const io::TensorEntry& entry : file.entries())
    out[entry.name] = {reinterpret_cast<const char*>(file.bytes(entry).data()), file.bytes(entry).size()};
  return out;
}

// A copy of the shipped reader with its head overwritten.
fs::path reader_with_head(const Micro& micro, float value) {
  const fs::path folder = micro / "reader";
  fs::copy(kReader, folder, fs::copy_options::recursive);
  fill_tensors(folder / "model.safetensors", "head.", value);
  return folder;
}

TEST(training, leaves_its_records_and_a_model) {
  const Micro micro;
  const Ran ran = gamut(micro.train("run"));
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(ran.err.starts_with(
      "plan   prompts 2 x group 4 = 8 pictures   micro-batch 8 x 1   updates per iteration 1\n"));
  EXPECT_NE(ran.out.find("before"), std::string::npos);
  const fs::path run = micro / "run";
  for (const char* name : {"config.toml", "build.txt", "metrics.jsonl", "evals.jsonl", "before_after.png",
                           "before_after.txt", "samples/step_000000.png", "samples/step_000004.png",
                           "checkpoints/step_000004/DONE", "model/model_index.json"})
    EXPECT_TRUE(fs::exists(run / name)) << name;

  const std::vector<json> metrics = io::read_json_lines(run / "metrics.jsonl"),
                          evals = io::read_json_lines(run / "evals.jsonl");
  ASSERT_EQ(metrics.size(), 4u);
  for (size_t i = 0; i < metrics.size(); ++i) {
    EXPECT_EQ(metrics[i].at("step"), i + 1);
    EXPECT_EQ(metrics[i].at("ratio_max_deviation").get<double>(), 0.0);
    EXPECT_EQ(metrics[i].at("images"), 8);
    EXPECT_EQ(metrics[i].at("updates"), 1);
    EXPECT_GT(metrics[i].at("grad_norm").get<double>(), 0.0);
    EXPECT_GT(metrics[i].at("reward_std").get<double>(), 0.0);
  }
  EXPECT_NE(ran.out.find("\nevaluation took "), std::string::npos) << ran.out;
  ASSERT_EQ(evals.size(), 3u);
  EXPECT_EQ(evals[0].at("step"), 0);
  EXPECT_EQ(evals[0].at("weights"), "base");
  EXPECT_EQ(evals[2].at("step"), 4);
  EXPECT_EQ(evals[2].at("weights"), "ema");
  EXPECT_NE(evals[0].at("reward"), evals[2].at("reward"));
  EXPECT_NE(tensors(run / "model" / kUnet), tensors(kTiny / kUnet));
}

TEST(training, writes_the_promised_keys) {
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("run", {"--set", "iterations=1"})).code, 0);
  EXPECT_EQ(keys(io::read_json_lines(micro / "run/metrics.jsonl").at(0)),
            (std::set<std::string>{"step",
                                   "reward_mean",
                                   "reward_std",
                                   "reward_exact",
                                   "reward_failures",
                                   "zero_std_ratio",
                                   "ratio_max_deviation",
                                   "clip_fraction",
                                   "approx_kl",
                                   "kl",
                                   "policy_loss",
                                   "grad_norm",
                                   "learning_rate",
                                   "advantage_abs_mean",
                                   "group_distance",
                                   "images",
                                   "trained_images",
                                   "updates",
                                   "skipped",
                                   "skipped_total",
                                   "seconds_rollout",
                                   "seconds_reward",
                                   "seconds_credit",
                                   "seconds_reference",
                                   "seconds_update",
                                   "seconds_total"}));
  std::set<std::string> of_eval{"reward",
                                "judge",
                                "reward_exact",
                                "judge_exact",
                                "reward_failures",
                                "judge_failures",
                                "reward_failure",
                                "judge_failure",
                                "color_pairs",
                                "color_spread",
                                "pairwise_distance",
                                "vendi",
                                "high_frequency",
                                "contrast",
                                "feature_distance",
                                "feature_vendi",
                                "prompts",
                                "members",
                                "eval_steps",
                                "seed",
                                "seconds",
                                "per_prompt",
                                "role",
                                "set",
                                "recall",
                                "pvs",
                                "prediction_norm",
                                "stroke_spread",
                                "size_spread",
                                "place_spread"};
  const Ran ran = gamut({"eval", micro.recipe().string(), "--model", kTiny.string(), "--json"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  of_eval.insert({"further", "measured"});
  EXPECT_EQ(keys(json::parse(ran.out)), of_eval);
  of_eval.erase("further");
  of_eval.erase("measured");
  of_eval.insert({"step", "weights"});
  EXPECT_EQ(keys(io::read_json_lines(micro / "run/evals.jsonl").at(0)), of_eval);
}

// Two seeds, held-out prompts and raw weights: rows that say what they are, in a fixed order.
TEST(training, evaluates_all_that_is_asked_for) {
  const Micro micro;
  write_raw(micro / "heldout.jsonl",
            "{\"prompt\": \"the digit 7, white on dark blue\", \"target\": \"7\", \"attributes\": {\"ink\": "
            "\"white\", \"ground\": \"dark blue\"}}\n");
  const std::vector<std::string> asked{"--set", "eval.report_seed=2000",
                                       "--set", "eval.raw=true",
                                       "--set", "eval.heldout=" + (micro / "heldout.jsonl").string(),
                                       "--set", "eval.heldout_members=3"};
  std::vector<std::string> more = asked;
  more.insert(more.end(), {"--set", "iterations=2"});
  const Ran ran = gamut(micro.train("run", more));
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::vector<json> rows = io::read_json_lines(micro / "run/evals.jsonl");
  const struct {
    int64_t step;
    const char *weights, *role, *set;
    int64_t seed, prompts, members;
  } kExpected[] = {{0, "base", "select", "prompts", 1000, 3, 2}, {0, "base", "report", "prompts", 2000, 3, 2},
                   {0, "base", "select", "heldout", 1000, 1, 3}, {2, "ema", "select", "prompts", 1000, 3, 2},
                   {2, "ema", "report", "prompts", 2000, 3, 2},  {2, "ema", "select", "heldout", 1000, 1, 3},
                   {2, "raw", "select", "prompts", 1000, 3, 2}};
  ASSERT_EQ(rows.size(), std::size(kExpected));
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].at("step"), kExpected[i].step) << i;
    EXPECT_EQ(rows[i].at("weights"), kExpected[i].weights) << i;
    EXPECT_EQ(rows[i].at("role"), kExpected[i].role) << i;
    EXPECT_EQ(rows[i].at("set"), kExpected[i].set) << i;
    EXPECT_EQ(rows[i].at("seed"), kExpected[i].seed) << i;
    EXPECT_EQ(rows[i].at("members"), kExpected[i].members) << i;
    EXPECT_EQ(rows[i].at("per_prompt").at("vendi").size(), size_t(kExpected[i].prompts)) << i;
    EXPECT_EQ(rows[i].contains("color_accuracy"), i % 3 == 2 && i < 6) << i;
  }
  EXPECT_NE(rows[0].at("reward"), rows[1].at("reward"));  // other noise
  EXPECT_NE(rows[3].at("reward"), rows[6].at("reward"));  // averaged or not
  EXPECT_TRUE(fs::exists(micro / "run/samples/heldout_step_000002.png"));

  // gamut eval measures the base in the same way.
  std::vector<std::string> args{"eval", micro.recipe().string(), "--json"};
  args.insert(args.end(), asked.begin(), asked.end());
  const json all = json::parse(gamut(args).out);
  EXPECT_EQ(all.at("reward"), rows[0].at("reward"));
  ASSERT_EQ(all.at("further").size(), 2u);
  EXPECT_EQ(all.at("further")[0].at("reward"), rows[1].at("reward"));
  EXPECT_EQ(all.at("further")[1].at("color_accuracy"), rows[2].at("color_accuracy"));

  // Only the main rows count where one number per step is wanted.
  const Ran compared = gamut({"compare", (micro / "run").string(), "--out", (micro / "sheet.png").string()});
  ASSERT_EQ(compared.code, 0) << compared.err;
  EXPECT_NE(compared.out.find("(3 prompts x 2 pictures, seed 1000)"), std::string::npos) << compared.out;
}

TEST(training, chooses_and_reports_on_two_seeds) {
  const Micro micro;
  const Ran ran = gamut(micro.train("run", {"--set", "eval.report_seed=1000"}));
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err,
            "error: [eval] eval.report_seed must differ from eval.seed, or checkpoints are reported on what "
            "they were "
            "chosen by; both are 1000\n");
  EXPECT_FALSE(fs::exists(micro / "run"));
}

// What only the whole program has: a CLIP folder for the features, the gate's rewards and the bonus's
// clusters.
TEST(training, runs_the_algorithms_that_look_at_pictures) {
  const Micro micro;
  for (const std::string name : {"gardo", "diverse_grpo", "gamut"}) {
    const Ran ran = gamut(micro.train(name, {"--set", "algorithm=" + name, "--set", "iterations=2", "--set",
                                             "shaping.features=clip", "--set", "eval.features=clip", "--set",
                                             "shaping.features_model=models/glyphs-clip", "--set",
                                             "eval.features_model=models/glyphs-clip"}),
                          {.folder = kSource});
    ASSERT_EQ(ran.code, 0) << name << ran.err;
    for (const json& row : io::read_json_lines(micro / (name + "/metrics.jsonl"))) {
      EXPECT_EQ(row.at("ratio_max_deviation").get<double>(), 0.0) << name;
      EXPECT_EQ(row.contains("gate_share"), name == "gardo");
      EXPECT_EQ(row.contains("cluster_count"), name == "diverse_grpo");
      EXPECT_EQ(row.contains("subset_std_ratio"), name == "gamut");
      if (name != "gardo") continue;
      EXPECT_GE(row.at("gate_share").get<double>(), 0.02);
      EXPECT_LE(row.at("gate_share").get<double>(), 0.2);
    }
  }
}

// The base against itself is 1; what trains is compared with it, and a resumed run with the same.
TEST(training, compares_each_evaluation_with_the_base) {
  const Micro micro;
  ASSERT_EQ(
      gamut(micro.train("run", {"--set", "optimizer.learning_rate=0.01", "--set", "eval.report_seed=7"}))
          .code,
      0);
  const std::vector<json> rows = io::read_json_lines(micro / "run/evals.jsonl");
  ASSERT_EQ(rows.size(), 6u);
  for (const json& row : rows) {
    if (row.at("step") == 0) {
      EXPECT_EQ(row.at("prediction_norm"), 1.0);
      EXPECT_EQ(row.at("recall"), 1.0);
    } else {
      EXPECT_NE(row.at("prediction_norm"), 1.0);
    }
    EXPECT_GT(row.at("pvs").get<double>(), 0);
  }
  // The same numbers from the run's model against the recipe's.
  const Ran again = gamut({"eval", (micro / "run").string(), "--json"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_NEAR(json::parse(again.out).at("prediction_norm").get<double>(),
              rows[4].at("prediction_norm").get<double>(), 1e-5);
  EXPECT_NEAR(json::parse(again.out).at("recall").get<double>(), rows[4].at("recall").get<double>(), 1e-9);
}

TEST(training, gate_rewards_are_names_or_tables) {
  const Micro micro;
  write_raw(micro / "gate.toml",
            "extends = \"micro.toml\"\nalgorithm = \"gardo\"\niterations = 1\n"
            "[[regularizer.gate_rewards]]\nkind = \"colorfulness\"\n"
            "[[regularizer.gate_rewards]]\nkind = \"reader\"\nmodel = " +
                quoted(kReader) + "\nbatch = 3\n");
  const Ran ran = gamut({"train", (micro / "gate.toml").string(), "--run", (micro / "run").string()});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(io::read_json_lines(micro / "run/metrics.jsonl").at(0).contains("gate_share"));
  const Ran explained =
      gamut({"explain", "config", (micro / "run/config.toml").string(), "regularizer.gate_rewards"});
  EXPECT_NE(explained.out.find("regularizer.gate_rewards.2.batch"), std::string::npos)
      << explained.out << explained.err;
  // Names written later take the tables' place, and the other way round.
  write_raw(micro / "names.toml",
            "extends = \"gate.toml\"\n[regularizer]\ngate_rewards = [\"jpeg_compressibility\"]\n");
  EXPECT_EQ(gamut({"train", (micro / "names.toml").string(), "--run", (micro / "named").string()}).code, 0);
  write_raw(micro / "tables.toml",
            "extends = \"names.toml\"\n[[regularizer.gate_rewards]]\nkind = \"colorfulness\"\n");
  EXPECT_EQ(gamut({"train", (micro / "tables.toml").string(), "--run", (micro / "tabled").string()}).code, 0);
  write_raw(micro / "bad.toml",
            "extends = \"micro.toml\"\n[[regularizer.gate_rewards]]\nknid = \"colorfulness\"\n");
  const Ran bad = gamut({"train", (micro / "bad.toml").string(), "--run", (micro / "bad").string()});
  EXPECT_EQ(bad.code, 2);
  EXPECT_NE(bad.err.find("unknown key 'regularizer.gate_rewards.1.knid'"), std::string::npos) << bad.err;
}

TEST(training, asks_for_what_a_recipe_leaves_out) {
  const Micro micro;
  const auto tried = [&](const std::string& set) {
    return gamut(micro.train("run", {"--quiet", "--set", set}));
  };
  const Ran prompts = tried("rollout.prompts=\"\""), reward = tried("reward.model=\"\""),
            kind = tried("reward.kind=\"\"");
  EXPECT_EQ(prompts.code, 2);
  EXPECT_EQ(prompts.err,
            "error: [prompts] a recipe has to name its prompts; got rollout.prompts = \"\"; name a file, for "
            "example --set rollout.prompts=prompts.jsonl\n");
  EXPECT_EQ(
      reward.err,
      "error: [reward] reward 'reader' needs model = folder of a reader; got none; docs/rewards.md says "
      "where it comes from\n");
  EXPECT_EQ(tried("model=\"\"").code, 2);
  EXPECT_EQ(kind.code, 2);
  EXPECT_FALSE(fs::exists(micro / "run"));
}

TEST(training, compares_runs_that_can_be_compared) {
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("one", {"--set", "iterations=1"})).code, 0);
  ASSERT_EQ(gamut(micro.train("two", {"--set", "iterations=1", "--set", "seed=5"})).code, 0);
  ASSERT_EQ(gamut(micro.train("other", {"--set", "iterations=1", "--set", "eval.seed=7"})).code, 0);
  const std::string sheet = (micro / "sheet.png").string();
  const Ran ran =
      gamut({"compare", (micro / "one").string(), (micro / "two").string() + "/", "--out", sheet});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("        base         one         two   mean of 2\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("color spread"), std::string::npos);
  EXPECT_TRUE(fs::exists(sheet));
  const Ran refused = gamut({"compare", (micro / "one").string(), (micro / "other").string()});
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("they differ in eval.seed (1000 and 7)"), std::string::npos) << refused.err;
}

TEST(training, every_key_is_described) {
  const std::string page = read_file(kSource / "docs/metrics.md");
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("run", {"--set", "iterations=1"})).code, 0);
  for (const char* name : {"metrics.jsonl", "evals.jsonl"})
    for (const std::string& key : keys(io::read_json_lines(micro / "run" / name).at(0)))
      EXPECT_NE(page.find("\n| `" + key + "` |"), std::string::npos) << name << ": " << key;
}

TEST(training, the_stored_recipe_resolves_to_itself) {
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("run", {"--set", "iterations=1"})).code, 0);
  auto values = [](const fs::path& recipe) {
    std::map<std::string, json> out;
    for (const json& row : json::parse(gamut({"explain", "config", recipe.string(), "--json"}).out))
      out[row.at("key")] = row.at("value");
    return out;
  };
  auto expected = values(micro.recipe());
  expected["iterations"] = "1";
  EXPECT_EQ(values(micro / "run/config.toml"), expected);
}

TEST(training, equal_rewards_teach_nothing_and_change_nothing) {
  const Micro micro;
  const fs::path reader = reader_with_head(micro, 0);
  const Ran ran = gamut(micro.train("run", {"--set", "reward.model=" + reader.string()}));
  ASSERT_EQ(ran.code, 0) << ran.err;
  for (const json& row : io::read_json_lines(micro / "run/metrics.jsonl")) {
    EXPECT_EQ(row.at("zero_std_ratio").get<double>(), 1.0);
    // The sum of squares minus the squared mean of equal numbers, in double.
    EXPECT_NEAR(row.at("reward_std").get<double>(), 0.0, 1e-8);
    EXPECT_EQ(row.at("updates"), 0);
    EXPECT_EQ(row.at("skipped"), 0);
    EXPECT_EQ(row.at("trained_images"), 0);
    EXPECT_EQ(row.at("grad_norm").get<double>(), 0.0);
  }
  EXPECT_EQ(tensors(micro / "run/model" / kUnet), tensors(kTiny / kUnet));
  EXPECT_EQ(tensors(micro / "run/checkpoints/step_000004/weights.safetensors"), tensors(kTiny / kUnet));
}

TEST(training, a_reward_that_is_never_finite_ends_the_run) {
  const Micro micro;
  const fs::path reader = reader_with_head(micro, std::numeric_limits<float>::max());
  const Ran ran = gamut(micro.train("run", {"--set", "reward.model=" + reader.string(), "--quiet"}));
  EXPECT_EQ(ran.code, 5);
  EXPECT_EQ(
      ran.err,
      "error: [reward] the reward could not score 6 of 6 pictures; first reason: the reward is not finite "
      "(evaluation of step 0, prompts)\n");
  EXPECT_EQ(io::read_json_lines(micro / "run/evals.jsonl").at(0).at("reward_failures"), 6);
}

TEST(training, pictures_that_are_not_finite_end_the_run) {
  const Micro micro;
  const fs::path model = micro.copy_of_tiny();
  fill_tensors(model / kUnet, "conv_out.weight", std::numeric_limits<float>::max());
  const Ran ran = gamut(micro.train("run", {"--set", "model=" + model.string(), "--quiet"}));
  EXPECT_EQ(ran.code, 5);
  EXPECT_EQ(
      ran.err,
      "error: [eval] pictures must be finite numbers; got 6 of 6 with a NaN or an infinity; the model's "
      "weights are damaged\n");
}

// A huge learning rate breaks the network in one step; the guard says so instead of training on.
TEST(training, a_policy_that_breaks_ends_the_run) {
  const Micro micro;
  const Ran ran = gamut(micro.train("run", {"--quiet", "--set", "optimizer.learning_rate=1e30"}));
  EXPECT_EQ(ran.code, 5);
  EXPECT_TRUE(ran.err.starts_with("error: [")) << ran.err;
}

// The draws are the same; only gradients are summed in parts, one per thread.
TEST(training, metrics_do_not_depend_on_the_number_of_threads) {
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("one", {"--set", "iterations=1"})).code, 0);
  ASSERT_EQ(Program(micro.train("two", {"--set", "iterations=1"}), {.threads = "2"}).wait().code, 0);
  const json one = io::read_json_lines(micro / "one/metrics.jsonl").at(0),
             two = io::read_json_lines(micro / "two/metrics.jsonl").at(0);
  for (const char* key : {"reward_mean", "reward_std", "advantage_abs_mean"})
    EXPECT_NEAR(one.at(key).get<double>(), two.at(key).get<double>(), library_sums_as_on_amd() ? 0 : 1e-6)
        << key;
  EXPECT_NEAR(one.at("grad_norm").get<double>() / two.at("grad_norm").get<double>(), 1.0, 1e-5);
}

TEST(training, metrics_do_not_depend_on_the_micro_batch) {
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("whole", {"--set", "iterations=1"})).code, 0);
  ASSERT_EQ(gamut(micro.train("parts", {"--set", "iterations=1", "--set", "rollout.micro_batch=2"})).code, 0);
  const json whole = io::read_json_lines(micro / "whole/metrics.jsonl").at(0),
             parts = io::read_json_lines(micro / "parts/metrics.jsonl").at(0);
  // fp32 sums over other batch sizes.
  EXPECT_NEAR(whole.at("reward_mean").get<double>(), parts.at("reward_mean").get<double>(), 1e-6);
  EXPECT_NEAR(whole.at("grad_norm").get<double>() / parts.at("grad_norm").get<double>(), 1.0, 1e-3);
  EXPECT_EQ(parts.at("ratio_max_deviation").get<double>(), 0.0);
}

}  // namespace training_test
}  // namespace gamut::testing
