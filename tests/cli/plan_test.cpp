// SPDX-License-Identifier: Apache-2.0
#include "cli/run_program.h"
#include "gamut/cli/device_memory.h"
#include "gamut/core/error.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::testing {
namespace plan_test {

using nlohmann::json;

Ran plan(std::vector<std::string> more, const std::string& recipe = "recipes/glyphs/flow_grpo.toml") {
  more.insert(more.begin(), {"plan", recipe});
  return gamut(more);
}

json planned(std::vector<std::string> more, const std::string& recipe = "recipes/glyphs/flow_grpo.toml") {
  more.push_back("--json");
  const Ran ran = plan(more, recipe);
  EXPECT_EQ(ran.code, 0) << ran.err;
  return json::parse(ran.out);
}

std::string last_line(const std::string& text) {
  const size_t begin = text.rfind('\n', text.size() - 2);
  return text.substr(begin + 1, text.size() - begin - 2);
}

TEST(plan, a_recipe_as_a_table) {
  const Ran ran = plan({"--device-memory", "2GiB"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  for (const char* line :
       {"text encoder 139.7 k, denoiser 1.0 M, vae 0; 1.0 M train",
        "64 (4 prompts x 16), of which 64 train; micro-batch 64", "TFLOP", "rollout",
        "optimizer (AdamW)          7.8 MiB", "not counted             reward reader, judge ocr"})
    EXPECT_NE(ran.out.find(line), std::string::npos) << line << "\n" << ran.out;
  EXPECT_TRUE(last_line(ran.out).starts_with("fits: ")) << ran.out;
  EXPECT_TRUE(last_line(ran.out).ends_with(" of 2.0 GiB (given)")) << ran.out;
}

TEST(plan, json_keys) {
  const json row = planned({"--device-memory", "2GiB"});
  for (const char* key : {"model",
                          "device",
                          "dtype",
                          "parameters",
                          "images_per_iteration",
                          "trained_images_per_iteration",
                          "micro_batch",
                          "micro_batches",
                          "updates",
                          "steps",
                          "trained_steps",
                          "flops_per_iteration",
                          "held_bytes",
                          "trajectory_bytes",
                          "picture_bytes",
                          "activation_bytes",
                          "phases",
                          "peak_phase",
                          "peak_bytes",
                          "runtime_bytes",
                          "needed_bytes",
                          "not_counted",
                          "device_bytes",
                          "device_source",
                          "fits",
                          "try_alone",
                          "try_together"})
    EXPECT_TRUE(row.contains(key)) << key;
  EXPECT_EQ(row["parameters"]["denoiser"], 1027692);
  EXPECT_EQ(row["images_per_iteration"], 64);
  EXPECT_EQ(row["device_bytes"], int64_t(2) << 30);
  EXPECT_EQ(row["fits"], true);
  EXPECT_EQ(row["needed_bytes"], row["peak_bytes"].get<int64_t>() + row["runtime_bytes"].get<int64_t>());
  double flops = 0;
  for (const json& phase : row["phases"])
    if (phase["per_iteration"]) flops += phase["flops"].get<double>();
  EXPECT_DOUBLE_EQ(row["flops_per_iteration"].get<double>(), flops);
}

TEST(plan, each_fine_tuning_recipe) {
  for (const std::string name :
       {"dance_grpo", "ddim_drift", "ddpo", "diverse_grpo", "drift", "flow_grpo", "gamut", "gardo"})
    EXPECT_GT(planned({}, "recipes/glyphs/" + name + ".toml")["flops_per_iteration"], 0) << name;
  for (const std::string name : {"ddpo", "drift", "diverse_grpo", "dance_grpo"}) {
    const json row = planned({"--set", "model=tests/cli/fixtures/tiny_sd", "--device-memory", "24GB"},
                             "recipes/sd15/" + name + ".toml");
    EXPECT_EQ(row["device"], "cuda");  // planned where there is none
    EXPECT_EQ(row["parameters"]["denoiser"], 52004);
    EXPECT_EQ(row["fits"], true) << name;
  }
}

TEST(plan, what_does_not_fit_says_what_would) {
  const json roomy = planned({});
  const int64_t needed = roomy["needed_bytes"];
  const std::vector<std::string> tight{"--device-memory", std::to_string(needed - 1)};
  const Ran ran = plan(tight);
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(last_line(ran.out).starts_with("does not fit: needs ")) << ran.out;
  EXPECT_NE(ran.out.find(
                "; try train.reuse_rollout_graph=false, gradient_checkpointing=true, rollout.micro_batch=32"),
            std::string::npos)
      << ran.out;
  const json advice = planned(tight);
  for (const json& change : advice["try_alone"]) {
    std::vector<std::string> changed = tight;
    changed.insert(changed.end(), {"--set", change.get<std::string>()});
    EXPECT_EQ(planned(changed)["fits"], true) << change;
  }
}

TEST(plan, mistakes_are_one_line) {
  const Ran size = plan({"--device-memory", "24 gigs"});
  EXPECT_EQ(size.code, 2);
  EXPECT_EQ(
      size.err,
      "error: [usage] a size is a number with a unit; got '24 gigs'; expected something like 24GiB, 24GB "
      "or 800MiB\n");
  EXPECT_EQ(plan({"--set", "model=nowhere"}).code, 4);
  EXPECT_EQ(plan({"--set", "rollout.micro_batch=7"}).code, 2);
  EXPECT_EQ(plan({"--set", "modle=x"}).code, 2);
  EXPECT_EQ(plan({}, "recipes/none.toml").code, 2);
}

TEST(plan, sizes_have_units) {
  EXPECT_EQ(cli::parse_size("24GiB"), int64_t(24) << 30);
  EXPECT_EQ(cli::parse_size("24 GB"), 24'000'000'000);
  EXPECT_EQ(cli::parse_size("1.5MiB"), 3 << 19);
  EXPECT_EQ(cli::parse_size("123"), 123);
  for (const char* bad : {"", "GiB", "-1GiB", "0", "12 parsecs", "1e40GiB"})
    EXPECT_THROW(cli::parse_size(bad), ConfigError) << bad;
}

TEST(plan, memory_of_the_cpu_is_what_system_and_group_leave) {
  const TempFolder root;
  const auto write = [&](const std::string& name, const std::string& text) {
    std::filesystem::create_directories((root / name).parent_path());
    std::ofstream(root / name) << text;
  };
  EXPECT_FALSE(cli::cpu_memory(root / ""));
  write("proc/meminfo", "MemTotal:  900 kB\nMemAvailable:    500 kB\n");
  EXPECT_EQ(cli::cpu_memory(root / "")->bytes, 500 * 1024);
  write("sys/fs/cgroup/memory.max", "max\n");
  write("sys/fs/cgroup/memory.current", "1000\n");
  EXPECT_EQ(cli::cpu_memory(root / "")->bytes, 500 * 1024);
  write("sys/fs/cgroup/memory.max", "300000\n");
  write("sys/fs/cgroup/memory.stat", "anon 5\ninactive_file 400\n");
  EXPECT_EQ(cli::cpu_memory(root / "")->bytes, 300000 - 1000 + 400);
  EXPECT_EQ(cli::cpu_memory(root / "")->source, "the control group's limit");
}

}  // namespace plan_test
}  // namespace gamut::testing
