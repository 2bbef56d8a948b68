// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/config.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut {
namespace config_test {

using testing::message_of;

struct InnerConfig {
  double weight = 0.5;
  void fields(FieldVisitor& v) { v.field("weight", weight, between(0, 1), "share"); }
};

struct SamplerConfig {
  std::string kind = "flow_sde";
  int64_t steps = 10;
  double noise_level = 0.7;
  InnerConfig inner;
  std::vector<double> grid = {1, 0.5};
  void fields(FieldVisitor& v) {
    v.field("kind", kind, one_of({"flow_sde", "dance_sde", "ode"}), "how trajectories are drawn");
    v.field("steps", steps, between(1, 1000), "denoising steps");
    v.table("inner", inner, "a table within");
    v.field("noise_level", noise_level, above(0), "scale of the noise");
    v.field("grid", grid, at_least(0), "sigmas");
  }
};

struct TestConfig {
  std::string name;
  int64_t seed = 1;
  bool fast = false;
  SamplerConfig sampler;
  std::vector<std::string> rewards = {"ocr"};
  std::vector<int64_t> sizes;
  void fields(FieldVisitor& v) {
    v.field("name", name, any_value(), "free text");
    v.field("seed", seed, at_least(0), "seed of the run");
    v.table("sampler", sampler, "how pictures are made");
    v.field("fast", fast, any_value(), "less exact");
    v.field("rewards", rewards, one_of({"ocr", "reader"}), "what is rewarded");
    v.field("sizes", sizes, between(1, 8), "sizes");
  }
};

Resolved resolve(std::string_view toml, TestConfig& config, const std::vector<std::string>& sets = {}) {
  return bind(parse_recipe(toml, "r.toml", sets), config);
}

std::string mistakes(std::string_view toml, const std::vector<std::string>& sets = {}) {
  return message_of<ConfigError>([&] {
    TestConfig config;
    resolve(toml, config, sets);
  });
}

TEST(config, fills_what_the_recipe_names_and_keeps_defaults) {
  TestConfig config;
  resolve(
      "name = 'run 1'\nfast = true\nrewards = ['reader', 'ocr']\nsizes = [1, 8]\n"
      "[sampler]\nkind = 'ode'\nsteps = 20\nnoise_level = 1\ngrid = [1, 0.25]\ninner.weight = 0.25\n",
      config, {"seed=7"});
  EXPECT_EQ(config.name, "run 1");
  EXPECT_EQ(config.seed, 7);
  EXPECT_TRUE(config.fast);
  EXPECT_EQ(config.sampler.kind, "ode");
  EXPECT_EQ(config.sampler.steps, 20);
  EXPECT_EQ(config.sampler.noise_level, 1.0);  // an integer is a number
  EXPECT_EQ(config.sampler.grid, (std::vector<double>{1, 0.25}));
  EXPECT_EQ(config.sampler.inner.weight, 0.25);
  EXPECT_EQ(config.rewards, (std::vector<std::string>{"reader", "ocr"}));
  EXPECT_EQ(config.sizes, (std::vector<int64_t>{1, 8}));

  TestConfig untouched;
  resolve("", untouched);
  EXPECT_EQ(untouched.sampler.steps, 10);
  EXPECT_EQ(untouched.rewards, std::vector<std::string>{"ocr"});
}

TEST(config, unknown_keys_name_the_nearest_known_one) {
  EXPECT_EQ(mistakes("sampler.stpes = 3\n"),
            "[config] unknown key 'sampler.stpes' (r.toml:1:9); did you mean 'sampler.steps'?");
  EXPECT_EQ(mistakes("", {"seed=2", "sampler.inner.wieght=1"}),
            "[config] unknown key 'sampler.inner.wieght' (--set #2); did you mean 'sampler.inner.weight'?");
  EXPECT_EQ(mistakes("steps = 3\n"),
            "[config] unknown key 'steps' (r.toml:1:1); did you mean 'sampler.steps'?");
  EXPECT_EQ(mistakes("[smapler]\n"), "[config] unknown key 'smapler' (r.toml:1:2); did you mean 'sampler'?");
  EXPECT_EQ(mistakes("optimizer = 3\n"), "[config] unknown key 'optimizer' (r.toml:1:1)");
}

TEST(config, wrong_types_name_the_type_that_is_due) {
  EXPECT_EQ(mistakes("sampler.steps = 'ten'\n"),
            "[config] key 'sampler.steps' must be an integer; got \"ten\" (r.toml:1:9)");
  EXPECT_EQ(mistakes("seed = 1.0\n"), "[config] key 'seed' must be an integer; got 1.0 (r.toml:1:1)");
  EXPECT_EQ(mistakes("fast = 1\n"), "[config] key 'fast' must be true or false; got 1 (r.toml:1:1)");
  EXPECT_EQ(mistakes("name = 3\n"), "[config] key 'name' must be a string; got 3 (r.toml:1:1)");
  EXPECT_EQ(mistakes("name = 1979-05-27\n"),
            "[config] key 'name' must be a string; got 1979-05-27 (r.toml:1:1)");
  EXPECT_EQ(mistakes("", {"sampler.noise_level=high"}),
            "[config] key 'sampler.noise_level' must be a number; got \"high\" (--set #1)");
  EXPECT_EQ(mistakes("sizes = 3\n"), "[config] key 'sizes' must be a list of integers; got 3 (r.toml:1:1)");
  EXPECT_EQ(mistakes("sizes = [1, 2.5]\n"),
            "[config] key 'sizes' must be a list of integers; got [1, 2.5] (r.toml:1:1)");
  EXPECT_EQ(mistakes("sampler.grid = ['a']\n"),
            "[config] key 'sampler.grid' must be a list of numbers; got [\"a\"] (r.toml:1:9)");
  EXPECT_EQ(mistakes("rewards = 'ocr'\n"),
            "[config] key 'rewards' must be a list of strings; got \"ocr\" (r.toml:1:1)");
}

TEST(config, values_outside_their_rule_name_the_rule) {
  EXPECT_EQ(mistakes("sampler.steps = 0\n"),
            "[config] key 'sampler.steps' must be in 1..1000; got 0 (r.toml:1:9)");
  EXPECT_EQ(mistakes("sampler.noise_level = 0.0\n"),
            "[config] key 'sampler.noise_level' must be > 0; got 0.0 (r.toml:1:9)");
  EXPECT_EQ(mistakes("sampler.noise_level = nan\n"),
            "[config] key 'sampler.noise_level' must be > 0; got nan (r.toml:1:9)");
  EXPECT_EQ(mistakes("seed = -1\n"), "[config] key 'seed' must be >= 0; got -1 (r.toml:1:1)");
  EXPECT_EQ(mistakes("sizes = [1, 9]\n"), "[config] key 'sizes' must be in 1..8; got [1, 9] (r.toml:1:1)");
  EXPECT_EQ(
      mistakes("", {"sampler.kind=dnace_sde"}),
      "[config] key 'sampler.kind' must be one of flow_sde | dance_sde | ode; got \"dnace_sde\" (--set #1); "
      "did you mean \"dance_sde\"?");
  EXPECT_EQ(mistakes("rewards = ['ocr', 'raeder']\n"),
            "[config] key 'rewards' must be one of ocr | reader; got [\"ocr\", \"raeder\"] (r.toml:1:1); "
            "did you mean \"reader\"?");
  EXPECT_EQ(
      mistakes("sampler.kind = 'tree'\n"),
      "[config] key 'sampler.kind' must be one of flow_sde | dance_sde | ode; got \"tree\" (r.toml:1:9)");
}

TEST(config, a_table_is_no_value_and_a_value_no_table) {
  EXPECT_EQ(mistakes("sampler = 3\n"), "[config] key 'sampler' must be a table; got 3 (r.toml:1:1)");
  EXPECT_EQ(mistakes("[seed]\nvalue = 3\n"),
            "[config] key 'seed' must be a value; got a table with the key 'value' (r.toml:2:1)");
  EXPECT_EQ(mistakes("seed = {}\n"), "[config] key 'seed' must be an integer; got {} (r.toml:1:1)");
  EXPECT_EQ(mistakes("[[sampler]]\nsteps = 3\n"),
            "[config] unknown key 'sampler.1.steps' (r.toml:2:1); did you mean 'sampler.steps'?");
  TestConfig config;
  EXPECT_NO_THROW(resolve("[sampler]\n", config));  // an empty table changes nothing
}

TEST(config, all_mistakes_are_reported_at_once_in_the_order_of_the_recipe) {
  EXPECT_EQ(mistakes("nmae = 'x'\nseed = -1\n[sampler]\nsteps = 'ten'\n", {"sampler.kind=odd", "fats=true"}),
            "[config] unknown key 'nmae' (r.toml:1:1); did you mean 'name'?\n"
            "[config] key 'seed' must be >= 0; got -1 (r.toml:2:1)\n"
            "[config] key 'sampler.steps' must be an integer; got \"ten\" (r.toml:4:1)\n"
            "[config] key 'sampler.kind' must be one of flow_sde | dance_sde | ode; got \"odd\" (--set #1); "
            "did you mean \"ode\"?\n"
            "[config] unknown key 'fats' (--set #2); did you mean 'fast'?");
}

TEST(config, resolved_lists_every_field_with_its_facts) {
  TestConfig config;
  const Resolved resolved = resolve("sampler.steps = 20\n", config, {"fast=true"});
  ASSERT_EQ(resolved.fields.size(), 10u);
  const ResolvedField& steps = resolved.fields[3];
  EXPECT_EQ(steps.key, "sampler.steps");
  EXPECT_EQ(steps.toml, "20");
  EXPECT_EQ(steps.origin, "r.toml:1");
  EXPECT_EQ(steps.default_toml, "10");
  EXPECT_EQ(steps.rule, "1..1000");
  EXPECT_EQ(steps.help, "denoising steps");
  ASSERT_EQ(resolved.tables.size(), 2u);
  EXPECT_EQ(resolved.tables[1].key, "sampler.inner");
  EXPECT_EQ(resolved.tables[1].help, "a table within");
}

TEST(config, dump_groups_tables_and_names_origins) {
  TestConfig config;
  EXPECT_EQ(resolve("name = 'a \"b\"'\nsampler.noise_level = 1e-4\n", config, {"seed=7"}).to_toml(),
            "name = \"a \\\"b\\\"\"  # from r.toml:1\n"
            "seed = 7  # from --set #1\n"
            "fast = false  # default\n"
            "rewards = [\"ocr\"]  # default\n"
            "sizes = []  # default\n"
            "\n"
            "# how pictures are made\n"
            "[sampler]\n"
            "kind = \"flow_sde\"  # default\n"
            "steps = 10  # default\n"
            "noise_level = 1e-4  # from r.toml:2\n"
            "grid = [1.0, 0.5]  # default\n"
            "\n"
            "# a table within\n"
            "[sampler.inner]\n"
            "weight = 0.5  # default\n");
}

TEST(config, dump_fed_back_resolves_to_the_same_values) {
  TestConfig config;
  const Resolved first =
      resolve("name = 'two\\nlines # \\u0007'\nsizes = [1, 2]\nsampler.noise_level = 0.1\n", config,
              {"sampler.grid=[0.30000000000000004, 1e300, 5e-324]", "sampler.kind=ode"});
  TestConfig again;
  const Resolved second = resolve(first.to_toml(), again);
  ASSERT_EQ(first.fields.size(), second.fields.size());
  for (size_t i = 0; i < first.fields.size(); ++i) {
    EXPECT_EQ(first.fields[i].key, second.fields[i].key);
    EXPECT_EQ(first.fields[i].toml, second.fields[i].toml);
  }
  EXPECT_EQ(again.name, config.name);
  EXPECT_EQ(again.sampler.grid, config.sampler.grid);
}

TEST(config, rules_describe_themselves) {
  EXPECT_EQ(any_value().text(), "");
  EXPECT_EQ(between(1, 1000).text(), "1..1000");
  EXPECT_EQ(between(0, 0.5).text(), "0..0.5");
  EXPECT_EQ(at_least(0).text(), ">= 0");
  EXPECT_EQ(above(1e-4).text(), "> 1e-4");
  EXPECT_EQ((Rule{.min = 0, .max = 1, .min_open = true}).text(), "> 0 and <= 1");
  EXPECT_EQ((Rule{.max = 1}).text(), "<= 1");
  EXPECT_EQ(one_of({"a", "b"}).text(), "a | b");
}

TEST(config, a_field_listed_twice_is_our_own_mistake) {
  int64_t value = 0;
  EXPECT_THROW(bind_fields(parse_recipe("", "r.toml"),
                           [&](FieldVisitor& v) {
                             v.field("a", value, any_value(), "");
                             v.field("a", value, any_value(), "");
                           }),
               InternalError);
}

}  // namespace config_test
}  // namespace gamut
