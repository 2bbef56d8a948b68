// SPDX-License-Identifier: Apache-2.0
// `gamut explain credit` and `gamut explain diversity` on groups given as JSON.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::testing {
namespace explain_group_test {

using nlohmann::json;

Ran explain(const char* what, const std::string& input, const std::vector<std::string>& sets = {},
            const std::vector<std::string>& more = {"--json"}) {
  const TempFolder folder;
  write_raw(folder / "group.json", input);
  const std::string file = (folder / "group.json").string();
  std::vector<std::string> args{"explain", what};
  args.insert(args.end(), more.begin(), more.end());
  for (const std::string& set : sets) args.insert(args.end(), {"--set", set});
  return gamut(args, {.input = file.c_str()});
}

json credit(const std::string& input, const std::vector<std::string>& sets,
            const std::vector<std::string>& more = {"--json"}) {
  const Ran ran = explain("credit", input, sets, more);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  return json::parse(ran.out);
}

void expect_near(const json& got, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size()) << got;
  for (size_t j = 0; j < expected.size(); ++j) EXPECT_NEAR(got[j].get<double>(), expected[j], tolerance) << j;
}

const std::vector<std::string> kPaper{"shaping.kind=cluster_bonus", "shaping.beta=1", "advantage.kind=group",
                                      "advantage.std_ddof=1", "advantage.std_eps=1e-8"};

// arXiv 2512.21514, the figure of the method.
TEST(explain_group, credit_of_the_papers_example) {
  const json out = credit(R"({"rewards": [1, 3, 2, 2], "clusters": [0, 0, 0, 1]})", kPaper);
  EXPECT_EQ(out.size(), 6u);
  EXPECT_EQ(out["kept"], json({0, 1, 2, 3}));
  EXPECT_EQ(out["clusters"], json({0, 0, 0, 1}));
  EXPECT_EQ(out["diversity"], json({nullptr, nullptr, nullptr, nullptr}));
  expect_near(out["bonus"], {1.1547, 1.1547, 1.1547, 2}, 5e-5);
  expect_near(out["shaped"], {2.1547, 4.1547, 3.1547, 4}, 5e-5);
  expect_near(out["advantages"], {-1.3175, .8578, -.2299, .6896}, 1e-4);
}

TEST(explain_group, credit_clusters_the_features_itself) {
  const json out = credit(
      R"({"rewards": [1, 3, 2, 2], "prompt": "x",
          "features": [[1, 0, 0.01], [1, 0, 0], [1, 0.01, 0], [0, 1, 0]]})",
      kPaper);
  EXPECT_EQ(out["clusters"], json({0, 0, 0, 1}));
  expect_near(out["advantages"], {-1.3175, .8578, -.2299, .6896}, 1e-4);
  EXPECT_NEAR(out["diversity"][3].get<double>(), 1 - 0.01 / 3, 1e-5);
}

TEST(explain_group, credit_of_a_subset_has_null_where_nothing_is_kept) {
  const json out =
      credit(R"({"rewards": [0, 0.48, 1, 0.52, 0.5], "distances": [[0, 9, 9, 9, 9], [9, 0, 9, 1, 3],
                             [9, 9, 0, 9, 9], [9, 1, 9, 0, 2], [9, 3, 9, 2, 0]]})",
             {"subset.kind=min_variance", "subset.keep=3", "shaping.kind=pairwise_potential",
              "advantage.std_source=candidates", "shaping.gate=above_mean"});
  EXPECT_EQ(out["kept"], json({1, 3, 4}));
  EXPECT_EQ(out["clusters"], json({nullptr, nullptr, nullptr, nullptr, nullptr}));
  EXPECT_EQ(out["diversity"], json({nullptr, 2.0, nullptr, 1.5, 2.5}));
  EXPECT_EQ(out["bonus"], json({nullptr, 0.0, nullptr, 0.0, 0.65}));
  const double std = std::sqrt((.25 + .25 + 2 * .0004) / 5), mean = .325 / 3;
  EXPECT_TRUE(out["shaped"][0].is_null());
  EXPECT_EQ(out["advantages"][0], 0.0);
  EXPECT_NEAR(out["advantages"][1].get<double>(), -.02 / std - mean, 1e-12);
  EXPECT_NEAR(out["advantages"][3].get<double>(), .02 / std - mean, 1e-12);
  EXPECT_NEAR(out["advantages"][4].get<double>(), .325 - mean, 1e-12);
}

TEST(explain_group, credit_without_shaping_is_the_reward) {
  const json out = credit(R"({"rewards": [0, 1, 2]})", {"advantage.kind=group", "advantage.std_eps=0"});
  EXPECT_EQ(out["shaped"], json({0.0, 1.0, 2.0}));
  EXPECT_EQ(out["bonus"], json({0.0, 0.0, 0.0}));
  expect_near(out["advantages"], {-std::sqrt(1.5), 0, std::sqrt(1.5)}, 1e-12);
  const json alone = credit(R"({"rewards": [7], "features": [[1, 2]]})", kPaper);
  EXPECT_EQ(alone["bonus"], json({1.0}));
  EXPECT_EQ(alone["advantages"], json({0.0}));
}

// Sparse rewards: the guard keeps hits and failures.
TEST(explain_group, credit_of_sparse_rewards_has_a_signal) {
  const std::string group = R"({"rewards": [0, 0, 1, 0, 0, 0, 1, 0]})";
  const json guarded = credit(group, {"subset.kind=min_variance", "subset.keep=4"});
  double largest = 0;
  for (const json& advantage : guarded["advantages"]) largest = std::max(largest, advantage.get<double>());
  EXPECT_GT(largest, 1);
  const json literal = credit(group, {"subset.kind=min_variance", "subset.keep=4", "subset.std_floor=0.0"});
  EXPECT_EQ(literal["kept"], json({0, 1, 3, 4}));
  EXPECT_EQ(literal["advantages"], json(std::vector<double>(8, 0.0)));
}

TEST(explain_group, credit_reads_a_recipe) {
  const TempFolder folder;
  write_raw(folder / "mine.toml", "[advantage]\nkind = \"no_std\"\n");
  const json out =
      credit(R"({"rewards": [0, 4]})", {"advantage.clip=1"}, {(folder / "mine.toml").string(), "--json"});
  EXPECT_EQ(out["advantages"], json({-1.0, 1.0}));
}

TEST(explain_group, without_json_there_are_tables) {
  EXPECT_EQ(
      explain("credit", R"({"rewards": [0, 1], "clusters": [1, 0]})", {"advantage.kind=no_std"}, {}).out,
      "member  reward      kept  cluster  diversity   bonus       shaped      advantage\n"
      "     0  0.000000    yes   1        -           0.000000    0.000000    -0.500000\n"
      "     1  1.000000    yes   0        -           0.000000    1.000000    0.500000\n");
  const Ran ran = explain("diversity", R"({"features": [[1, 0], [0, 1]]})", {}, {});
  EXPECT_NE(ran.out.find("vendi            2.000000\n"), std::string::npos) << ran.out;
}

TEST(explain_group, diversity_from_features_distances_or_kernel) {
  for (const char* input :
       {R"({"features": [[2, 0], [0, 3], [2, 0]]})", R"({"distances": [[0, 1, 0], [1, 0, 1], [0, 1, 0]]})",
        R"({"kernel": [[1, 0, 1], [0, 1, 0], [1, 0, 1]]})"}) {
    const Ran ran = explain("diversity", input);
    ASSERT_EQ(ran.code, 0) << ran.err;
    const json out = json::parse(ran.out);
    EXPECT_NEAR(out["vendi"].get<double>(), std::exp(-2 / 3. * std::log(2 / 3.) - 1 / 3. * std::log(1 / 3.)),
                1e-9);
    EXPECT_NEAR(out["vendi_q2"].get<double>(), 9 / 5., 1e-9);
    EXPECT_NEAR(out["vendi_qinf"].get<double>(), 3 / 2., 1e-9);
    EXPECT_NEAR(out["rke"].get<double>(), 9 / 5., 1e-9);
    EXPECT_NEAR(out["pairwise_mean"].get<double>(), 2 / 3., 1e-9);
    EXPECT_NEAR(out["nearest_mean"].get<double>(), 1 / 3., 1e-9);
    EXPECT_EQ(out["clusters"], 2);
  }
}

struct Bad {
  const char* input;
  const char* message;  // what the line must contain
};

void expect_refused(const char* what, const Bad& bad, const std::vector<std::string>& sets) {
  const Ran ran = explain(what, bad.input, sets);
  EXPECT_EQ(ran.code, 3) << bad.input << ran.err;
  EXPECT_EQ(ran.out, "") << bad.input;
  EXPECT_EQ(ran.err.substr(0, 8), "error: [") << bad.input << ran.err;
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  EXPECT_NE(ran.err.find(bad.message), std::string::npos) << bad.input << ran.err;
}

TEST(explain_group, credit_refuses_what_is_no_group) {
  for (const Bad& bad : std::vector<Bad>{
           {"", "is not valid JSON"},
           {"[1, 2]", "expected one JSON object"},
           {R"({"rewards": [1, 2)", "is not valid JSON"},
           {R"({"rewards": [1, NaN]})", "is not valid JSON"},
           {R"({"rewards": [1, 1e999]})", "number overflow"},
           {R"({})", "'rewards' is missing"},
           {R"({"rewards": []})", "'rewards' is empty"},
           {R"({"rewards": 3})", "'rewards' must be a list; got number"},
           {R"({"rewards": [1, "2"]})", "'rewards'[1] must be a number; got string"},
           {R"({"rewards": [1, null]})", "'rewards'[1] must be a number; got null"},
           {R"({"rewards": [1, 2], "reward": [1]})", "unknown key 'reward'"},
           {R"({"rewards": [1, 2], "rewards": [1]})", "twice"},
           {R"({"rewards": [1, 2]})",
            "needs distances; got none; give 'features' or 'distances' or 'clusters'"},
           {R"({"rewards": [1, 2], "features": [[1], [2]], "distances": [[0, 1], [1, 0]]})", "one of them"},
           {R"({"rewards": [1, 2], "features": [[1, 2]]})",
            "'features' has 1 entries; expected 2, one per member"},
           {R"({"rewards": [1, 2], "features": [[1, 2], [3]]})", "'features'[1] has 1 numbers; expected 2"},
           {R"({"rewards": [1, 2], "features": [[1, 2], [3, "4"]]})", "'features'[1][1] must be a number"},
           {R"({"rewards": [1, 2], "features": [[], []]})",
            "'features'[0] must be a list of numbers; got an empty list"},
           {R"({"rewards": [1, 2], "features": [1, 2]})",
            "'features'[0] must be a list of numbers; got number"},
           {R"({"rewards": [1, 2], "distances": [[0, 1], [0.5, 0]]})", "must be symmetric"},
           {R"({"rewards": [1, 2], "distances": [[1, 1], [1, 0]]})", "diagonal"},
           {R"({"rewards": [1, 2], "distances": [[0, -1], [-1, 0]]})", "must not be negative"},
           {R"({"rewards": [1, 2], "distances": [[0, 1, 2], [1, 0, 2]]})", "square"},
           {R"({"rewards": [1, 2], "clusters": [0]})", "'clusters' has 1 entries; expected 2"},
           {R"({"rewards": [1, 2], "clusters": [0, -1]})", "must be an integer from 0; got -1"},
           {R"({"rewards": [1, 2], "clusters": [0, 0.5]})", "must be an integer from 0; got 0.5"},
           {R"({"rewards": [1, 2], "clusters": [0, 1], "prompt": 3})", "'prompt' must be a string"}})
    expect_refused("credit", bad, {"shaping.kind=cluster_bonus"});
  expect_refused("credit", {R"({"rewards": [1, 2], "clusters": [0, 1]})", "give 'features' or 'distances'\n"},
                 {"advantage.kind=nearest_neighbour_weight"});
  const std::string long_list = "{\"rewards\": [1" + [] {
    std::string rest;
    for (int i = 0; i < 2000; ++i) rest += ", 1";
    return rest;
  }() + "]}";
  expect_refused("credit", {long_list.c_str(), "'rewards' has 2001 entries; expected at most 1024"}, {});
}

TEST(explain_group, credit_refuses_recipes_that_do_not_fit_the_group) {
  const char* group = R"({"rewards": [1, 2, 3], "features": [[1, 0], [0, 1], [1, 1]]})";
  for (const auto& [sets, message] : std::vector<std::pair<std::vector<std::string>, const char*>>{
           {{"subset.kind=trim", "subset.keep=4"}, "keep = 4"},
           {{"shaping.kind=cluster_bonus", "shaping.clusters=4"}, "clusters"},
           {{"shaping.kind=cluster_bonus", "shaping.beta=nan"}, "'shaping.beta' must be >= 0; got nan"},
           {{"shaping.kind=cluster_bonus", "shaping.clusters=some"},
            "'shaping.clusters' must be one of eigengap | >= 1"},
           {{"algorithm=flow_gpro"}, "flow_g"}}) {
    const Ran ran = explain("credit", group, sets);
    EXPECT_EQ(ran.code, 2) << ran.err;
    EXPECT_NE(ran.err.find(message), std::string::npos) << ran.err;
  }
}

TEST(explain_group, diversity_refuses_what_is_no_group) {
  for (const Bad& bad : std::vector<Bad>{{"{}", "exactly one"},
                                         {R"({"features": [[1]], "kernel": [[1]]})", "exactly one"},
                                         {R"({"rewards": [1]})", "unknown key 'rewards'"},
                                         {R"({"kernel": [[1, 0.5], [0.4, 1]]})", "symmetric"},
                                         {R"({"kernel": [[2, 0], [0, 2]]})", "diagonal"},
                                         {R"({"distances": [[0, 1], [0.5, 0]]})", "symmetric"}})
    expect_refused("diversity", bad, {});
}

}  // namespace explain_group_test
}  // namespace gamut::testing
