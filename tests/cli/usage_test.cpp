// SPDX-License-Identifier: Apache-2.0
// What a user reads after a mistake on the command line or in a recipe: one clear line each, exit code 2.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

namespace gamut::testing {
namespace usage_test {

void expect_usage_error(const std::vector<std::string>& args, const std::string& message) {
  const Ran ran = gamut(args);
  EXPECT_EQ(ran.code, 2) << message;
  EXPECT_EQ(ran.err, "error: " + message + "\n");
  EXPECT_EQ(ran.out, "");
}

// A recipe's mistakes, found before anything else happens.
void expect_recipe_error(const std::string& text, const std::vector<std::string>& sets,
                         const std::string& message) {
  const TempFolder folder;
  const std::string recipe = (folder / "my.toml").string();
  write_raw(recipe, text);
  std::vector<std::string> args{"train", recipe, "--run", (folder / "run").string()};
  for (const std::string& set : sets) args.insert(args.end(), {"--set", set});
  std::string expected = message;
  for (size_t at = expected.find("RECIPE"); at != std::string::npos; at = expected.find("RECIPE"))
    expected.replace(at, 6, recipe);
  expect_usage_error(args, expected);
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(usage, names_the_nearest_command) {
  expect_usage_error({"trian"}, "[usage] unknown command 'trian'; did you mean 'train'?");
  expect_usage_error({"frobnicate"}, "[usage] unknown command 'frobnicate'; see gamut --help");
  expect_usage_error({}, "[usage] A subcommand is required; see gamut --help");
}

TEST(usage, explains_wrong_flags) {
  const std::vector<std::string> sample{"sample", "--prompt", "x"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), sample.begin(), sample.end());
    return more;
  };
  expect_usage_error({"sample"}, "[usage] --prompt is required; see gamut --help");
  expect_usage_error(
      sample, "[usage] nothing to write; give --out SHEET.png, --save-images DIR or --save-latents FILE");
  expect_usage_error(with({"-n", "0"}),
                     "[usage] -n: must be a whole number from 1 to 100000; got '0'; see gamut --help");
  expect_usage_error(with({"--sampler", "odd"}),
                     "[usage] --sampler: odd not in {ode,flow_sde,ddim,euler}; see gamut --help");
  expect_usage_error({"train", "x.toml", "--resume"},
                     "[usage] --resume needs --run DIR, the run to go on with");
  expect_usage_error({"pretrain", "x.toml", "--resume"},
                     "[usage] --resume needs --run DIR, the run to go on with");
}

// Nothing outside a flag's range is clamped, nothing is read as another number, and the sentence is short.
TEST(usage, numbers_are_what_they_must_be) {
  const std::vector<std::string> sample{"sample", "--prompt", "x", "--out", "x.png"}, report{"report", "x"},
      frontier{"frontier", "x"}, sweep{"sweep", "x.toml"};
  struct Flag {
    std::vector<std::string> command;
    std::string name, rule;
  };
  const Flag flags[] = {{sample, "--seed", "a whole number of 0 or more, below 2^63"},
                        {sample, "-n", "a whole number from 1 to 100000"},
                        {sample, "--steps", "a whole number from 1 to 1000"},
                        {sample, "--height", "a whole number from 1 to 16384"},
                        {sample, "--width", "a whole number from 1 to 16384"},
                        {sample, "--batch", "a whole number from 1 to 65536"},
                        {report, "--every", "a whole number from 1 to 86400"},
                        {frontier, "--resamples", "a whole number from 100 to 1000000"},
                        {sweep, "--jobs", "a whole number from 1 to 1024"},
                        {sweep, "--threads", "a whole number from 1 to 1024"}};
  // One rule reads them all: every text on one flag, and one text on every flag.
  const std::string texts[] = {"-1", "99999999999999999999", "1.5", "1e3", "0x10", "ten", "nan"};
  const auto expect_refused = [](const Flag& flag, const std::string& text) {
    std::vector<std::string> args = flag.command;
    args.insert(args.end(), {flag.name, text});
    expect_usage_error(
        args, "[usage] " + flag.name + ": must be " + flag.rule + "; got '" + text + "'; see gamut --help");
  };
  for (const std::string& text : texts) expect_refused(flags[0], text);
  for (size_t i = 1; i < std::size(flags); ++i) expect_refused(flags[i], texts[i % std::size(texts)]);
  for (const std::string text : {"-1", "101", "nan", "1e999"}) {
    std::vector<std::string> args = sample;
    args.insert(args.end(), {"--guidance", text});
    expect_usage_error(
        args, "[usage] --guidance: must be a number from 0 to 100; got '" + text + "'; see gamut --help");
  }
}

TEST(usage, guidance_below_one_is_warned_of) {
  const TempFolder folder;
  const auto sample = [&](const std::string& guidance) {
    return gamut({"sample", "--model", kTiny.string(), "--prompt", "x", "-n", "1", "--steps", "1",
                  "--guidance", guidance, "--out", (folder / "x.png").string(), "--quiet"});
  };
  EXPECT_EQ(sample("0").err,
            "warning: --guidance = 0 ignores the prompt; 1 is without guidance, and so is 0 in diffusers\n");
  EXPECT_EQ(sample("0.5").err,
            "warning: --guidance = 0.5 follows the prompt less than the model does by itself; 1 is without "
            "guidance, and so is 0 in diffusers\n");
  EXPECT_EQ(sample("1").err, "");
}

TEST(usage, help_is_no_error) {
  const Ran ran = gamut({"--help"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "");
  for (const std::string command : {"train", "pretrain", "sample", "eval", "explain", "doctor"})
    EXPECT_NE(ran.out.find("\n  " + command + " "), std::string::npos) << command;
}

TEST(usage, names_a_missing_recipe) {
  const std::string why = "got 'No such file or directory'";
  for (const std::vector<std::string>& command : {std::vector<std::string>{"train"},
                                                  {"pretrain"},
                                                  {"eval"},
                                                  {"explain", "config"},
                                                  {"explain", "schedule"}}) {
    std::vector<std::string> args = command;
    args.push_back("no/such.toml");
    expect_usage_error(args, "[config] cannot read recipe 'no/such.toml'; " + why);
  }
}

TEST(usage, names_a_missing_base_of_a_recipe) {
  expect_recipe_error("seed = 1\nextends = \"/no/such.toml\"\n", {},
                      "[config] cannot read recipe '/no/such.toml' (extends in RECIPE:2:11); got 'No such "
                      "file or directory'");
}

TEST(usage, names_an_unknown_key_and_its_nearest) {
  expect_recipe_error("seed = 1\n\n[sampler]\n  stpes = 5\n", {},
                      "[config] unknown key 'sampler.stpes' (RECIPE:4:3); did you mean 'sampler.steps'?");
  expect_recipe_error("[smapler]\nsteps = 5\n", {},
                      "[config] unknown key 'smapler.steps' (RECIPE:2:1); did you mean 'sampler.steps'?");
  expect_recipe_error("wholly_unlike_anything = 5\n", {},
                      "[config] unknown key 'wholly_unlike_anything' (RECIPE:1:1)");
  expect_recipe_error(
      "", {"seed=2", "optimizer.learning_rat=1"},
      "[config] unknown key 'optimizer.learning_rat' (--set #2); did you mean 'optimizer.learning_rate'?");
}

TEST(usage, names_wrong_types_and_ranges) {
  expect_recipe_error("[sampler]\nsteps = \"ten\"\n", {},
                      "[config] key 'sampler.steps' must be an integer; got \"ten\" (RECIPE:2:1)");
  expect_recipe_error("[sampler]\nsteps = 0\n", {},
                      "[config] key 'sampler.steps' must be in 1..1000; got 0 (RECIPE:2:1)");
  expect_recipe_error("", {"optimizer.learning_rate=nan"},
                      "[config] key 'optimizer.learning_rate' must be >= 0; got nan (--set #1)");
  expect_recipe_error("[sampler]\nkind = \"flow_ode\"\n", {},
                      "[config] key 'sampler.kind' must be one of flow_sde | dance_sde | cps | ode | ddim; "
                      "got \"flow_ode\" (RECIPE:2:1); did you "
                      "mean \"flow_sde\"?");
  expect_recipe_error("sampler = 3\n", {}, "[config] key 'sampler' must be a table; got 3 (RECIPE:1:1)");
}

TEST(usage, names_an_unknown_algorithm) {
  expect_recipe_error(
      "algorithm = \"flow_grop\"\n", {},
      "[config] key 'algorithm' must be one of flow_grpo | dance_grpo | dance_sd | ddpo | "
      "gardo | diverse_grpo | drift | diverse_drift | gamut | tmpo | flow_factory | mix_grpo | "
      "awm | nft | weighted_matching | rwr | raft | flow_cps; got \"flow_grop\" (RECIPE:1:1); did you mean "
      "\"flow_grpo\"?");
}

TEST(usage, refuses_a_group_of_one) {
  expect_recipe_error("", {"rollout.group_size=1"},
                      "[config] key 'rollout.group_size' must be in 2..4096; got 1 (--set #1)");
}

TEST(usage, lists_all_mistakes_of_a_recipe) {
  expect_recipe_error("sed = 1\n[rollout]\ngroup_size = 1\n", {"iterations=x"},
                      "[config] unknown key 'sed' (RECIPE:1:1); did you mean 'seed'?\n"
                      "[config] key 'rollout.group_size' must be in 2..4096; got 1 (RECIPE:3:1)\n"
                      "[config] key 'iterations' must be an integer; got \"x\" (--set #1)");
}

TEST(usage, names_malformed_toml) {
  const TempFolder folder;
  write_raw(folder / "my.toml", "seed = 1\niterations = = 2\n");
  const Ran ran = gamut({"train", (folder / "my.toml").string()});
  EXPECT_EQ(ran.code, 2);
  EXPECT_TRUE(
      ran.err.starts_with("error: [config] malformed TOML (" + (folder / "my.toml").string() + ":2:14); "))
      << ran.err;
  expect_recipe_error("", {"seed"}, "[config] --set #1 must have the form key=value; got 'seed'");
  expect_recipe_error(
      "", {"schedule.list=[1,"},
      "[config] --set #1 has a malformed value for 'schedule.list'; got '[1,'; expected a TOML value");
}

TEST(usage, checks_the_geometry_of_an_iteration) {
  const Micro micro;
  const Ran ran = gamut(
      micro.train("run", {"--set", "rollout.prompts_per_iteration=9", "--set", "rollout.micro_batch=7"}));
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(
      ran.err,
      "error: [plan] rollout.prompts_per_iteration must not exceed the prompt set; got 9; the set has 3\n"
      "[plan] rollout.micro_batch must divide the pictures of an iteration; got 7; there are 9 x 4 = 36\n");
  const Ran none = gamut(micro.train("run", {"--set", "sampler.kind=ode"}));
  EXPECT_EQ(none.code, 2);
  EXPECT_EQ(none.err,
            "error: [schedule] no step is left to train: every chosen step is deterministic or the fraction "
            "is too small; "
            "use sampler.kind = \"flow_sde\" with noise_level > 0, or raise schedule.fraction\n");
  EXPECT_FALSE(fs::exists(micro / "run"));
}

TEST(usage, pretraining_knows_its_tasks) {
  const TempFolder folder;
  const std::string recipe = (folder / "my.toml").string();
  write_raw(recipe, "task = \"raeder\"\n");
  expect_usage_error({"pretrain", recipe, "--run", (folder / "run").string()},
                     "[config] key 'task' must be one of base | reader | faces | clip; got \"raeder\" (" +
                         recipe + ":1:1); did you mean \"reader\"?");
  write_raw(recipe, "task = \"reader\"\n");
  expect_usage_error(
      {"pretrain", recipe, "--run", (folder / "run").string()},
      "[usage] the reader is trained in one go, without a run folder; leave out --run and --resume");
}

}  // namespace usage_test
}  // namespace gamut::testing
