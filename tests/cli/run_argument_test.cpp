// SPDX-License-Identifier: Apache-2.0
// A run folder where a recipe, a model or a list of runs is asked for; what tables say they measured; means
// over seeds.
#include "cli/micro.h"
#include "cli/run_program.h"
#include "gamut/run/run_argument.h"

#include <gtest/gtest.h>

namespace gamut::testing {
namespace run_argument_test {

using nlohmann::json;

// Weights that move far in two iterations, averaged by less than all.
const std::vector<std::string> kShort{"--set", "iterations=2", "--set", "optimizer.learning_rate=0.01"};

// A run with all weights and one with an adapter, trained once for all tests.
struct Runs {
  Micro micro;
  std::string full = (micro / "full").string(), lora = (micro / "lora").string();
  Runs() {
    EXPECT_EQ(gamut(micro.train("full", kShort)).code, 0);
    std::vector<std::string> more = kShort;
    more.insert(more.end(), {"--set", "lora.rank=2"});
    EXPECT_EQ(gamut(micro.train("lora", more)).code, 0);
  }
  std::string latents(const std::vector<std::string>& model) const {
    std::vector<std::string> args{"sample",
                                  "--prompt",
                                  "the digit 7",
                                  "-n",
                                  "1",
                                  "--steps",
                                  "2",
                                  "--save-latents",
                                  (micro / "latents.safetensors").string(),
                                  "--model"};
    args.insert(args.end(), model.begin(), model.end());
    const Ran ran = gamut(args);
    EXPECT_EQ(ran.code, 0) << ran.err;
    return read_file(micro / "latents.safetensors");
  }
};

const Runs& runs() {
  static const Runs all;
  return all;
}

TEST(run_argument, sample_takes_a_run_for_its_model) {
  const std::string base = runs().latents({kTiny.string()}), tuned = runs().latents({runs().full + "/model"});
  EXPECT_TRUE(base != tuned);
  EXPECT_TRUE(runs().latents({runs().full}) == tuned);
  EXPECT_TRUE(runs().latents({runs().full + "/"}) == tuned);
  const std::string adapted = runs().latents({kTiny.string(), "--lora", runs().lora + "/model"});
  EXPECT_TRUE(adapted != base);
  EXPECT_TRUE(runs().latents({runs().lora}) == adapted);
  EXPECT_TRUE(runs().latents({runs().lora + "/model"}) == adapted);
}

TEST(run_argument, an_unfinished_run_stands_for_its_newest_checkpoint) {
  for (const std::string name : {"full", "lora"}) {
    const std::string tuned = runs().latents({(runs().micro / name).string()});
    const fs::path copy = runs().micro / (name + "-stopped");
    fs::copy(runs().micro / name, copy, fs::copy_options::recursive);
    fs::remove(copy / "before_after.txt");
    fs::remove_all(copy / "model");
    EXPECT_TRUE(runs().latents({copy.string()}) == tuned) << name;
    fs::remove_all(copy / "checkpoints");
    const Ran none = gamut(
        {"sample", "--model", copy.string(), "--prompt", "x", "--out", (runs().micro / "x.png").string()});
    EXPECT_EQ(none.code, 4);
    EXPECT_EQ(none.err,
              "error: [model] the run '" + copy.string() +
                  "' has no model yet and no checkpoint; wait for its first checkpoint, or resume it\n");
    fs::remove_all(copy);
  }
}

TEST(run_argument, eval_of_a_run_measures_its_model_and_says_so) {
  const std::vector<json> rows = io::read_json_lines(fs::path(runs().full) / "evals.jsonl");
  const json row = json::parse(gamut({"eval", runs().full, "--json"}).out);
  EXPECT_EQ(row.at("reward"), rows.back().at("reward"));
  EXPECT_EQ(row.at("measured"), runs().full + ", step 2, averaged weights (ema.decay 0.9)");
  EXPECT_EQ(json::parse(gamut({"eval", runs().micro.recipe().string(), "--model", runs().full, "--json"}).out)
                .at("reward"),
            rows.back().at("reward"));
  const json base = json::parse(gamut({"eval", runs().full, "--model", kTiny.string(), "--json"}).out);
  EXPECT_EQ(base.at("reward"), rows.front().at("reward"));
  EXPECT_EQ(base.at("measured"), kTiny.string());
  const Ran table = gamut({"eval", runs().lora});
  EXPECT_TRUE(table.out.ends_with("(measured: " + runs().lora +
                                  ", step 2, averaged weights (ema.decay 0.9), adapter over " +
                                  kTiny.string() + ")\n"))
      << table.out;
}

TEST(run_argument, a_run_is_a_recipe) {
  const Ran plan = gamut({"plan", runs().full, "--device-memory", "8GiB"});
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_EQ(gamut({"explain", "config", runs().full}).code, 0);
  EXPECT_EQ(gamut({"explain", "schedule", runs().full}).code, 0);
  const Ran again = gamut({"train", runs().full, "--run", (runs().micro / "again").string()});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(rows_without_seconds(runs().micro / "again/metrics.jsonl"),
            rows_without_seconds(fs::path(runs().full) / "metrics.jsonl"));
  const Ran empty = gamut({"train", (runs().micro / "again/samples").string()});
  EXPECT_EQ(empty.code, 2);
  EXPECT_EQ(empty.err,
            "error: [config] '" + (runs().micro / "again/samples").string() +
                "' is a folder without a config.toml, so no run; expected a recipe or a run folder\n");
}

TEST(run_argument, a_run_resumes_by_its_folder_alone) {
  const Micro micro;
  const fs::path run = micro / "run";
  Program program(micro.train("run", {"--set", "iterations=12"}), {});
  ASSERT_TRUE(program.wait_until([&] { return fs::exists(run / "checkpoints/step_000002/DONE"); }));
  program.signal(SIGINT);
  ASSERT_EQ(program.wait().code, 130);
  const Ran ran = gamut({"train", run.string(), "--resume"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  ASSERT_EQ(gamut(micro.train("whole", {"--set", "iterations=12"})).code, 0);
  EXPECT_EQ(rows_without_seconds(run / "metrics.jsonl"), rows_without_seconds(micro / "whole/metrics.jsonl"));
}

TEST(run_argument, a_recipe_may_train_on_from_a_run) {
  const Ran ran =
      gamut(runs().micro.train("second", {"--set", "iterations=1", "--set", "model=" + runs().full}));
  ASSERT_EQ(ran.code, 0) << ran.err;
  const json first = io::read_json_lines(runs().micro / "second/evals.jsonl").at(0);
  EXPECT_EQ(first.at("reward"),
            io::read_json_lines(fs::path(runs().full) / "evals.jsonl").back().at("reward"));
}

TEST(run_argument, folders_that_are_no_runs_are_left_out) {
  const TempFolder folder;
  for (const char* run : {"demo/b", "demo/a", "c"}) {
    fs::create_directories(folder / run);
    write_raw(folder / (std::string(run) + "/config.toml"), "seed = 1\n");
  }
  fs::create_directories(folder / "pretrain");
  write_raw(folder / "pretrain/config.toml", "task = \"base\"  # from x\n");
  fs::create_directories(folder / "empty");
  write_raw(folder / "notes.txt", "x");
  const auto at = [&](const std::string& name) { return (folder / name).string(); };
  using Words = std::vector<std::string>;
  EXPECT_EQ(run::run_arguments({at("c"), at("demo"), at("empty"), at("notes.txt"), at("pretrain")}),
            (Words{at("c"), at("demo/a"), at("demo/b")}));
  EXPECT_EQ(run::run_arguments({at("demo"), at("demo/a/")}), (Words{at("demo/a"), at("demo/b")}));
  EXPECT_EQ(run::run_arguments({at("empty")}), Words{at("empty")});  // refused by who reads it
  EXPECT_EQ(run::run_arguments({at("c"), at("nope")}), (Words{at("c"), at("nope")}));
}

// A cache as the Hub's client lays it out: each file of the snapshot a link to a blob.
TEST(run_argument, a_name_of_the_hub_is_found_in_the_cache) {
  const TempFolder home;
  const fs::path repository = home / "hub/models--org--tiny", snapshot = repository / "snapshots/0a1b2c";
  size_t blobs = 0;
  fs::create_directories(repository / "blobs");
  for (const auto& entry : fs::recursive_directory_iterator(kTiny)) {
    if (!entry.is_regular_file()) continue;
    const fs::path blob = repository / "blobs" / std::to_string(blobs++),
                   link = snapshot / fs::relative(entry.path(), kTiny);
    fs::copy_file(entry.path(), blob);
    fs::create_directories(link.parent_path());
    fs::create_symlink(blob, link);
  }
  fs::create_directories(repository / "refs");
  write_raw(repository / "refs/main", "0a1b2c");
  const std::string where = home.path().string(), sheet = (home / "sheet.png").string();
  const RunOptions here{.environment = {{"HF_HOME", where.c_str()}, {"HF_HUB_CACHE", nullptr}}};
  const Ran sampled = gamut(
      {"sample", "--model", "org/tiny", "--prompt", "x", "-n", "1", "--steps", "1", "--out", sheet}, here);
  EXPECT_EQ(sampled.code, 0) << sampled.err;
  EXPECT_EQ(gamut({"plan", runs().micro.recipe().string(), "--set", "model=org/tiny@main"}, here).code, 0);
  fs::remove(snapshot / "unet/diffusion_pytorch_model.safetensors");
  const Ran part = gamut({"sample", "--model", "org/tiny", "--prompt", "x", "--out", sheet}, here);
  EXPECT_EQ(part.code, 4);
  EXPECT_NE(part.err.find(
                "' does not exist; the Hugging Face cache holds it in part; to download what gamut reads: hf "
                "download org/tiny --include "),
            std::string::npos)
      << part.err;
  const Ran none = gamut({"sample", "--model", "org/other", "--prompt", "x", "--out", sheet}, here);
  EXPECT_EQ(none.code, 4);
  EXPECT_TRUE(none.err.starts_with(
      "error: [model] 'org/other' is no folder here, and the Hugging Face cache does not hold it; "
      "looked in '" +
      where + "/hub'; to download what gamut reads: hf download org/other "))
      << none.err;
}

TEST(run_argument, compare_shows_means_over_seeds) {
  const Micro micro;
  for (const std::string seed : {"1", "2"})
    ASSERT_EQ(gamut(micro.train("plain-" + seed,
                                {"--set", "iterations=1", "--set", "seed=" + seed, "--set", "eval.raw=true"}))
                  .code,
              0);
  ASSERT_EQ(
      gamut(micro.train("other", {"--set", "iterations=1", "--set", "optimizer.learning_rate=1e-3"})).code,
      0);
  fs::create_directories(micro / "notes");
  const Ran ran = gamut({"compare", (micro / "plain-1").string(), (micro / "plain-2").string(),
                         (micro / "other").string(), (micro / "notes").string(), "--out",
                         (micro / "sheet.png").string()});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find(
                "        base     plain-1     plain-2       other  plain mean  plain-1, raw  plain-2, raw\n"),
            std::string::npos)
      << ran.out;
  EXPECT_NE(ran.out.find("(plain mean: mean over seeds 1, 2 of plain-1, plain-2)\n"), std::string::npos)
      << ran.out;
  EXPECT_NE(ran.out.find("(plain-1, raw: " + (micro / "plain-1").string() +
                         ", step 1, raw weights, as the last update left them)\n"),
            std::string::npos)
      << ran.out;
  EXPECT_EQ(ran.err, "warning: left out, no run: " + (micro / "notes").string() + "\n");
}

}  // namespace run_argument_test
}  // namespace gamut::testing
