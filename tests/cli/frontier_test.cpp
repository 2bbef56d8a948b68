// SPDX-License-Identifier: Apache-2.0
// `gamut frontier` on run folders written by hand.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

#include <optional>
#include <tuple>

namespace gamut::testing {
namespace frontier_test {

using nlohmann::json;

struct Row {
  int64_t step;
  double reward, spread;
  std::string role = "select";
  int64_t members = 16, seed = 1000;
};

std::string line(const Row& row) {
  return json{{"step", row.step},
              {"weights", row.step == 0 ? "base" : "ema"},
              {"role", row.role},
              {"set", "prompts"},
              {"reward", row.reward},
              {"color_spread", row.spread},
              {"members", row.members},
              {"eval_steps", 20},
              {"prompts", 3},
              {"seed", row.role == "report" ? row.seed + 1000 : row.seed},
              {"per_prompt", json::object()}}
             .dump() +
         "\n";
}

class Runs {
 public:
  fs::path operator/(const std::string& name) const { return micro_ / name; }

  // Each row also as one of role "report", unless told otherwise. An iteration takes ten seconds.
  std::string add(const std::string& name, int64_t seed, const std::vector<Row>& rows, bool report = true,
                  const std::string& more = "") const {
    const fs::path run = micro_ / name;
    fs::create_directories(run);
    write_raw(run / "config.toml", cat("seed = ", seed, "\n", more, micro_.text()));
    std::string evals, metrics;
    for (Row row : rows) {
      evals += line(row);
      row.role = "report";
      if (report) evals += line(row);
    }
    for (int64_t step = 1; step <= rows.back().step; ++step)
      metrics += json{{"step", step}, {"seconds_total", 10.0}}.dump() + "\n";
    write_raw(run / "evals.jsonl", evals);
    write_raw(run / "metrics.jsonl", metrics);
    return run.string();
  }

  // Three seeds whose baseline loses half where "kept" loses a tenth, up to a little of each seed.
  std::vector<std::string> both() const {
    std::vector<std::string> out;
    for (int64_t seed = 1; seed <= 3; ++seed) {
      const double own = 0.01 * double(seed);
      out.push_back(
          add(cat("flow_grpo-", seed), seed, {{0, 0.6, 0.2}, {2, 0.8, 0.1 + own}, {4, 0.9, 0.08 + own}}));
      out.push_back(
          add(cat("kept-", seed), seed, {{0, 0.6, 0.2}, {2, 0.75, 0.19}, {4, 0.95, 0.18 + own / 10}}));
    }
    return out;
  }

 private:
  Micro micro_;
};

Ran frontier(std::vector<std::string> args, const std::vector<std::string>& more = {}) {
  args.insert(args.begin(), "frontier");
  args.insert(args.end(), more.begin(), more.end());
  return gamut(args);
}

TEST(frontier, compares_with_the_baseline) {
  const Runs runs;
  const Ran ran = frontier(runs.both(), {"--level", "0.85", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  const json found = json::parse(ran.out);
  EXPECT_EQ(found.at("x"), "reward");
  EXPECT_EQ(found.at("y"), "color_spread");
  EXPECT_EQ(found.at("reported_apart"), true);
  EXPECT_EQ(found.at("notes"), json::array());
  ASSERT_EQ(found.at("methods").size(), 2u);
  EXPECT_EQ(found.at("methods")[0].at("name"), "flow_grpo");
  EXPECT_EQ(found.at("methods")[0].at("runs")[1].at("seed"), 2);
  EXPECT_EQ(found.at("methods")[0].at("runs")[1].at("checkpoints")[2].at("seconds"), 40);
  ASSERT_EQ(found.at("comparisons").size(), 1u);
  const json& comparison = found.at("comparisons")[0];
  EXPECT_EQ(comparison.at("method"), "kept");
  EXPECT_EQ(comparison.at("paired"), true);
  EXPECT_TRUE(comparison.at("budget_seconds").is_null());
  const json& diversity = comparison.at("diversity_at_equal_reward");
  EXPECT_EQ(diversity.at("range"), (json{0.6, 0.9}));
  // Half of the levels: 0.19, a sixth 0.182 over 0.12, a third 0.182 over 0.1.
  EXPECT_NEAR(diversity.at("change").at("value").get<double>(),
              0.5 * (0.19 / 0.12 - 1) + 1.0 / 6 * (0.182 / 0.12 - 1) + 1.0 / 3 * (0.182 / 0.1 - 1), 1e-9);
  EXPECT_GT(diversity.at("change").at("low").get<double>(), 0);
  EXPECT_NEAR(diversity.at("levels")[0].at("change").at("value").get<double>(), 0.82, 1e-9);
  ASSERT_EQ(found.at("comparisons_at_equal_time").size(), 1u);
  EXPECT_EQ(found.at("comparisons_at_equal_time")[0].at("budget_seconds"), 40);

  const Ran text = frontier(runs.both(), {"--level", "0.85"});
  ASSERT_EQ(text.code, 0) << text.err;
  for (const char* part : {"flow_grpo  1 2 3            9", "color_spread at equal reward\n", "0.6 … 0.9",
                           "at 0.85", "reward gained over the base at equal color_spread\n",
                           "Within the training time that both have: kept 40 s\n"})
    EXPECT_NE(text.out.find(part), std::string::npos) << part << "\n" << text.out;
}

// Rows of one evaluation seed, and rows of two, as a sweep collects them.
TEST(frontier, reads_collected_rows) {
  for (const bool apart : {false, true}) {
    const Ran ran = gamut(
        {"frontier", apart ? "docs/results/glyphs_reader.jsonl" : "docs/results/glyphs_ocr.jsonl", "--json"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    const json found = json::parse(ran.out);
    ASSERT_EQ(found.at("reported_apart"), apart);
    EXPECT_EQ(
        found.at("notes").dump().find("chosen and reported on the same evaluation") == std::string::npos,
        apart);
    for (const json& comparison : found.at("comparisons")) EXPECT_EQ(comparison.at("baseline"), "flow_grpo");
    EXPECT_EQ(found.at("comparisons").size() + 1, found.at("methods").size());
  }
}

TEST(frontier, one_recipe_alone_is_not_compared) {
  const Runs runs;
  const Ran ran = frontier({runs.add("kept", 7, {{0, 0.6, 0.2}, {2, 0.8, 0.1}})}, {"--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(json::parse(ran.out).at("methods")[0].at("name"), "kept");
  EXPECT_EQ(json::parse(ran.out).at("comparisons"), json::array());
}

TEST(frontier, ranges_apart_give_no_number) {
  const Runs runs;
  const Ran ran = frontier({runs.add("flow_grpo-1", 1, {{0, 0.6, 0.2}, {2, 0.8, 0.1}}),
                            runs.add("worse-1", 1, {{0, 0.6, 0.2}, {2, 0.5, 0.1}})},
                           {"--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const json diversity = json::parse(ran.out).at("comparisons")[0].at("diversity_at_equal_reward");
  for (const char* key : {"range", "change", "area", "method", "baseline"})
    EXPECT_TRUE(diversity.at(key).is_null()) << key;
  EXPECT_EQ(diversity.at("reason"),
            "the ranges of reward do not overlap: 'worse', seed 1, rises to reward 0.6, the base has 0.6");
}

TEST(frontier, a_half_written_line_and_a_missing_evaluation_are_said) {
  const Runs runs;
  std::vector<std::string> paths = runs.both();
  const fs::path evals = runs / "kept-2/evals.jsonl";
  const std::string text = io::read_text(evals);
  // The last report row loses its end: that checkpoint has one evaluation only.
  write_raw(evals, text.substr(0, text.size() - 30));
  const Ran ran = frontier(paths, {"--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err,
            cat("warning: ", evals.string(), " ends in a half-written line, which is left out\nwarning: '",
                (runs / "kept-2").string(), "', step 4 is left out: an evaluation is missing\n"));
  EXPECT_EQ(json::parse(ran.out).at("methods")[1].at("runs")[1].at("checkpoints").size(), 2u);
}

TEST(frontier, a_run_without_a_second_evaluation_is_noted) {
  const Runs runs;
  std::vector<std::string> paths = runs.both();
  paths.push_back(runs.add("old-1", 1, {{0, 0.6, 0.2}, {2, 0.8, 0.15}}, false));
  const Ran ran = frontier(paths);
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(
      ran.out.find(cat("so the best of noise gains a little: '", paths.back(), "' has no rows of role")),
      std::string::npos)
      << ran.out;
  EXPECT_NE(ran.out.find("old: seeds 1 and the baseline's 1 2 3 differ, so its intervals are not paired"),
            std::string::npos);
}

TEST(frontier, runs_that_cannot_be_compared_are_refused) {
  const Runs runs;
  const std::string base = runs.add("flow_grpo-1", 1, {{0, 0.6, 0.2}, {2, 0.8, 0.1}});
  const std::string other =
      runs.add("b-1", 1, {{0, 0.6, 0.2, "select", 8, 1000}, {2, 0.8, 0.1, "select", 8, 1000}});
  const Ran members = frontier({base, other});
  EXPECT_EQ(members.code, 2);
  EXPECT_EQ(
      members.err,
      cat("error: [frontier] '", base, "' and '", other,
          "' cannot be compared; they differ in evaluation members (16 and 8), report members (16 and 8)\n"));
  const std::string seeds =
      runs.add("c-1", 1, {{0, 0.6, 0.2, "select", 16, 7}, {2, 0.8, 0.1, "select", 16, 7}}, false);
  EXPECT_NE(frontier({base, seeds}).err.find("they differ in evaluation seed (1000 and 7)\n"),
            std::string::npos);
  const std::string prompts = runs.add("d-1", 1, {{0, 0.6, 0.2}, {2, 0.8, 0.1}});
  edit(fs::path(prompts) / "config.toml", "prompts = \"\"", "prompts = \"elsewhere.jsonl\"");
  EXPECT_NE(frontier({base, prompts}).err.find("they differ in evaluation prompt set ("), std::string::npos);
  // Another judge matters to the judge's measures only.
  const std::string judge = runs.add("e-1", 1, {{0, 0.6, 0.2}, {2, 0.8, 0.1}});
  edit(fs::path(judge) / "config.toml", "[judge]\nkind = \"reader\"", "[judge]\nkind = \"ocr\"");
  EXPECT_EQ(frontier({base, judge}).code, 0);
}

TEST(frontier, a_group_is_one_recipe_with_each_seed_once) {
  const Runs runs;
  const std::vector<Row> rows{{0, 0.6, 0.2}, {2, 0.8, 0.1}};
  const std::string first = runs.add("flow_grpo-1", 1, rows), again = runs.add("more/flow_grpo-1", 1, rows),
                    other = runs.add("flow_grpo-2", 2, rows, true, "prompts_seed_of_another = 1\n");
  EXPECT_EQ(frontier({first, again}).err, cat("error: [frontier] '", first, "' and '", again,
                                              "' are both 'flow_grpo' with seed 1; leave one out, or name "
                                              "the folder after what sets it apart\n"));
  EXPECT_EQ(frontier({first, other}).code, 2);  // an unknown key of the recipe
  edit(fs::path(other) / "config.toml", "prompts_seed_of_another = 1\n", "");
  edit(fs::path(other) / "config.toml", "learning_rate = 2e-4", "learning_rate = 1e-3");
  EXPECT_EQ(frontier({first, other}).err, cat("error: [frontier] '", first, "' and '", other,
                                              "' would be seeds of one recipe 'flow_grpo' but differ in "
                                              "optimizer.learning_rate (2e-4 and 0.001); name "
                                              "their folders apart\n"));
}

TEST(frontier, what_cannot_be_read_is_one_line) {
  const Runs runs;
  const std::string run = runs.add("flow_grpo-1", 1, {{0, 0.6, 0.2}, {2, 0.8, 0.1}}),
                    empty = runs.add("empty-1", 1, {{0, 0.6, 0.2}});
  write_raw(fs::path(empty) / "evals.jsonl", "");
  EXPECT_EQ(frontier({run, empty}).err,
            cat("error: [frontier] the run '", empty, "' holds no evaluation yet\n"));
  const std::string nowhere = (runs / "nowhere").string(), folder = (runs / "folder").string();
  EXPECT_EQ(frontier({nowhere}).err, cat("error: [frontier] there is no run '", nowhere, "'\n"));
  EXPECT_EQ(frontier({nowhere}).code, 4);
  fs::create_directories(folder);
  EXPECT_EQ(frontier({folder}).err,
            cat("error: [frontier] '", folder,
                "' is not a run folder; expected evals.jsonl and config.toml in it\n"));
  EXPECT_EQ(frontier({run}, {"--y", "color_spred"}).err,
            cat("error: [frontier] no evaluation of '", run,
                "' has the measure 'color_spred'; did you mean 'color_spread'?\n"));
  EXPECT_EQ(frontier({run}, {"--baseline", "gamut"}).err,
            "error: [frontier] no run belongs to the baseline 'gamut'; got flow_grpo; choose one with "
            "--baseline\n");
  write_raw(runs / "rows.jsonl", "{\"step\": 0}\n");
  EXPECT_EQ(frontier({(runs / "rows.jsonl").string()}).err,
            cat("error: [frontier] '", (runs / "rows.jsonl").string(),
                "' must hold rows with recipe, seed and step; got {\"step\":0}\n"));
}

// At 0.75 on lines: flow_grpo's three seeds 0.125 + 0.75 own, kept's all 0.19. Paired t of log ratios of
// means, one pair.
TEST(frontier, compares_every_pair_at_common_levels) {
  const Runs runs;
  const Ran ran = frontier(runs.both(), {"--pairs", "--level", "0.75", "--level", "0.93", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const json found = json::parse(ran.out);
  ASSERT_EQ(found.at("levels").size(), 3u);
  const json& at = found.at("levels")[0];
  EXPECT_EQ(at.at("level"), 0.75);
  EXPECT_NEAR(at.at("methods")[0].at("y").get<double>(), 0.14, 1e-9);
  EXPECT_NEAR(at.at("methods")[1].at("y").get<double>(), 0.19, 1e-9);
  EXPECT_NEAR(at.at("pairs")[0].at("change").at("value").get<double>(), 0.14 / 0.19 - 1, 1e-9);
  EXPECT_EQ(at.at("pairs")[0].at("kind"), "ratio");
  EXPECT_EQ(at.at("pairs")[0].at("found"), true);
  EXPECT_EQ(found.at("levels")[1].at("methods")[0].at("reached"), 0);
  EXPECT_TRUE(found.at("levels")[1].at("pairs")[0].at("change").is_null());
  EXPECT_TRUE(found.at("levels")[2].at("level").is_null());  // the ends
  EXPECT_EQ(found.at("budget_seconds"), 40);

  const Ran text = frontier(runs.both(), {"--pairs"});
  ASSERT_EQ(text.code, 0) << text.err;
  for (const char* part :
       {"color_spread at reward 0.8\n", "color_spread at reward 0.95\n", "flow_grpo against kept",
        "color_spread at the last evaluation\n", "Within 40 s, the training time of the shortest run:",
        "(intervals: 95 % for all pairs of a level together, along lines between checkpoints)"})
    EXPECT_NE(text.out.find(part), std::string::npos) << part << "\n" << text.out;
}

// Rows of eval.raw beside averaged ones: the base is either's, and there is no second evaluation.
TEST(frontier, compares_weights_without_averaging) {
  const Runs runs;
  std::vector<std::string> all = runs.both();
  for (const std::string& run : all) {
    std::string rows = read_file(fs::path(run) / "evals.jsonl");
    for (const auto& [step, reward, spread] :
         std::vector<std::tuple<int, double, double>>{{2, 0.7, 0.05}, {4, 0.97, 0.04}}) {
      std::string raw = line({step, reward, spread});
      rows += raw.replace(raw.find("\"ema\""), 5, "\"raw\"");
    }
    write_raw(fs::path(run) / "evals.jsonl", rows);
  }
  const json found = json::parse(frontier(all, {"--weights", "raw", "--json"}).out);
  EXPECT_EQ(found.at("weights"), "raw");
  EXPECT_EQ(found.at("reported_apart"), false);
  for (const json& method : found.at("methods"))
    for (const json& run : method.at("runs")) {
      ASSERT_EQ(run.at("checkpoints").size(), 3u);
      EXPECT_EQ(run.at("checkpoints")[2].at("select").at("x"), 0.97);
    }
}

TEST(frontier, pairs_are_of_one_protocol) {
  const Runs runs;
  std::vector<std::string> all = runs.both();
  all.push_back(runs.add("other-1", 1, {{0, 0.6, 0.2}, {2, 0.8, 0.1}}));
  std::string recipe = read_file(runs / "other-1" / "config.toml");
  const size_t place = recipe.find("iterations = ");
  ASSERT_NE(place, std::string::npos);
  write_raw(runs / "other-1" / "config.toml", recipe.insert(place + 13, "7"));
  const Ran ran = frontier(all, {"--pairs"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("one table holds runs of one protocol; "), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("differ in iterations ("), std::string::npos) << ran.err;
  const Ran alone = frontier({all.front()}, {"--pairs"});
  EXPECT_EQ(alone.code, 2);
  EXPECT_NE(alone.err.find("pairs need two recipes; got flow_grpo alone"), std::string::npos) << alone.err;
}

}  // namespace frontier_test
}  // namespace gamut::testing
