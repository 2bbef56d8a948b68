// SPDX-License-Identifier: Apache-2.0
// The recipes for Stable Diffusion 3.5 and FLUX.1 on models/sd3-tiny and models/flux-tiny.
#include "cli/adapter_samples.h"
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

namespace gamut::testing {
namespace dit_recipes_test {

using nlohmann::json;
using Strings = std::vector<std::string>;

std::string tiny_of(const std::string& kind) {
  return kind == "sd35" ? "models/sd3-tiny" : "models/flux-tiny";
}

// Two iterations of recipes/KIND/NAME on the tiny pipeline; `more` overrides what is set here.
Ran train(const std::string& kind, const std::string& name, const fs::path& run, const Strings& more = {},
          const Strings& flags = {}) {
  Strings sets = {"model=" + tiny_of(kind),
                  "device=cpu",
                  "dtype=fp32",
                  "iterations=2",
                  "sampler.steps=5",
                  "reward.kind=jpeg_compressibility",
                  "rollout.prompts_per_iteration=2",
                  "rollout.group_size=4",
                  "rollout.micro_batch=4",
                  "rollout.updates=1",
                  "rollout.height=16",
                  "rollout.width=24",
                  "rollout.max_tokens=12",
                  "eval.members=2",
                  "eval.steps=2",
                  "eval.micro_batch=4",
                  "eval.every=2",
                  "checkpoint.every=1",
                  "guard.ratio_tolerance=0"};
  sets.insert(sets.end(), more.begin(), more.end());
  Strings args = {"train", "recipes/" + kind + "/" + name + ".toml", "--run", run.string()};
  for (const std::string& set : sets) args.insert(args.end(), {"--set", set});
  args.insert(args.end(), flags.begin(), flags.end());
  return gamut(args);
}

void expect_on_policy(const fs::path& run, const std::string& name) {
  const std::vector<json> metrics = rows_of(run / "metrics.jsonl");
  ASSERT_EQ(metrics.size(), 2u) << name;
  for (const json& row : metrics) {
    EXPECT_EQ(row.at("ratio_max_deviation"), 0.0) << name;
    EXPECT_EQ(row.at("reward_failures"), 0) << name;
    EXPECT_GT(row.at("grad_norm").get<double>(), 0) << name;
  }
}

TEST(dit_recipes, each_trains_a_tiny_pipeline_on_policy) {
  for (const std::string kind : {"sd35", "flux"}) {
    for (const std::string name :
         {"flow_grpo", "diverse_grpo", "drift", "gamut", "gardo", "flow_cps", "awm", "nft"}) {
      const TempFolder folder;
      const Ran ran =
          train(kind, name, folder / "run",
                name == "gardo" ? Strings{R"(regularizer.gate_rewards=["colorfulness"])"} : Strings{});
      ASSERT_EQ(ran.code, 0) << kind << " " << name << "\n" << ran.err;
      expect_on_policy(folder / "run", kind + " " + name);
    }
  }
}

TEST(dit_recipes, checkpointing_changes_no_prediction) {
  for (const std::string kind : {"sd35", "flux"}) {
    const TempFolder folder;
    ASSERT_EQ(train(kind, "flow_grpo", folder / "kept").code, 0);
    ASSERT_EQ(train(kind, "flow_grpo", folder / "again", {"gradient_checkpointing=true"}).code, 0);
    expect_on_policy(folder / "again", kind);
    const json kept = rows_of(folder / "kept/metrics.jsonl")[0],
               again = rows_of(folder / "again/metrics.jsonl")[0];
    EXPECT_EQ(kept.at("reward_mean"), again.at("reward_mean"));
    EXPECT_NEAR(again.at("grad_norm").get<double>() / kept.at("grad_norm").get<double>(), 1, 1e-4);
  }
}

TEST(dit_recipes, a_stopped_run_goes_on_bit_for_bit) {
  for (const std::string kind : {"sd35", "flux"}) {
    const TempFolder folder;
    ASSERT_EQ(train(kind, "drift", folder / "whole", {"iterations=3"}).code, 0);
    ASSERT_EQ(train(kind, "drift", folder / "parts", {"iterations=1"}).code, 0);
    const Ran resumed = train(kind, "drift", folder / "parts", {"iterations=3"}, {"--resume"});
    ASSERT_EQ(resumed.code, 0) << resumed.err;
    for (const char* file : {"weights.safetensors", "ema.safetensors"})
      EXPECT_TRUE(read_file(folder / "whole/checkpoints/step_000003" / file) ==
                  read_file(folder / "parts/checkpoints/step_000003" / file))
          << kind << " " << file;
  }
}

// Four prompts are smaller than the encoders, which leave before the first iteration; a resumed run encodes
// anew.
TEST(dit_recipes, text_encoders_leave_and_a_resumed_run_sees_the_same_bits) {
  for (const std::string kind : {"sd35", "flux"}) {
    const TempFolder folder;
    write_raw(folder / "four.jsonl",
              "{\"prompt\": \"a cat\"}\n{\"prompt\": \"a dog on grass\"}\n{\"prompt\": \"two "
              "birds\"}\n{\"prompt\": \"a fox\"}\n");
    const auto run = [&](const std::string& name, int iterations, const Strings& flags = {}) {
      return train(kind, "flow_grpo", folder / name,
                   {"rollout.prompts=" + (folder / "four.jsonl").string(),
                    "eval.prompts=" + (folder / "four.jsonl").string(), "rollout.guidance_scale=3",
                    "eval.guidance_scale=2", "iterations=" + std::to_string(iterations)},
                   flags);
    };
    const Ran whole = run("whole", 3);
    ASSERT_EQ(whole.code, 0) << whole.err;
    EXPECT_NE(whole.err.find("the text encoders left memory"), std::string::npos) << whole.err;
    ASSERT_EQ(run("parts", 1).code, 0);
    ASSERT_EQ(run("parts", 3, {"--resume"}).code, 0);
    for (const char* file : {"weights.safetensors", "ema.safetensors"})
      EXPECT_TRUE(read_file(folder / "whole/checkpoints/step_000003" / file) ==
                  read_file(folder / "parts/checkpoints/step_000003" / file))
          << kind << " " << file;
    EXPECT_EQ(rows_of(folder / "whole/evals.jsonl").back().at("reward"),
              rows_of(folder / "parts/evals.jsonl").back().at("reward"));
  }
}

TEST(dit_recipes, the_adapter_is_the_transformers_and_changes_what_is_sampled) {
  for (const std::string kind : {"sd35", "flux"}) {
    const TempFolder folder;
    // A large rate: after two iterations of the published one an 8-bit picture would hardly differ.
    ASSERT_EQ(train(kind, "flow_grpo", folder / "run", {"optimizer.learning_rate=0.05", "ema.decay=0"}).code,
              0);
    const fs::path adapter = folder / "run/model/pytorch_lora_weights.safetensors";
    const io::SafetensorsFile file = io::SafetensorsFile::open(adapter);
    for (const io::TensorEntry& entry : file.entries()) {
      EXPECT_TRUE(entry.name.starts_with("transformer.")) << entry.name;
      EXPECT_EQ(entry.name.find("attn2"), std::string::npos) << entry.name;
    }
    expect_adapter_changes_samples(tiny_of(kind), adapter, folder,
                                   {"--height", "16", "--width", "16", "--max-tokens", "12"});
  }
}

TEST(dit_recipes, both_are_planned) {
  for (const std::string kind : {"sd35", "flux"}) {
    const Ran ran = gamut({"plan", "recipes/" + kind + "/smoke.toml", "--json"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    const json plan = json::parse(ran.out);
    EXPECT_GT(plan.at("parameters").at("text_encoder").get<int64_t>(), 50000);
    EXPECT_GT(plan.at("flops_per_iteration").get<double>(), 0);
    EXPECT_FALSE(plan.at("drops_text_encoders").get<bool>());  // 48 prompts take more room than they do
  }
}

}  // namespace dit_recipes_test
}  // namespace gamut::testing
