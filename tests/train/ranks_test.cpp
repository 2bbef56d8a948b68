// SPDX-License-Identifier: Apache-2.0
// Several processes that train together against one that trains alone.
#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "support/ranks.h"
#include "tiny_training.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::train {
namespace ranks_test {

using testing::run_ranks;
using testing::TempFolder;
namespace fs = std::filesystem;

// A reward of GARDO's gate that disagrees with redness here and there.
class GreenReward : public rewards::Reward {
 public:
  std::string name() const override { return "green"; }
  rewards::Scores score(const at::Tensor& pictures, std::span<const text::Prompt>) override {
    rewards::Scores scores;
    for (int64_t b = 0; b < pictures.size(0); ++b) {
      scores.value.push_back(pictures[b][1].mean().item<double>());
      scores.exact.push_back(0);
      scores.failure.emplace_back();
    }
    return scores;
  }
};

void add_green() {
  static const bool once = [] {
    rewards::add_reward_kind({"green", [](const rewards::RewardConfig&, const std::string&) {
                                return std::unique_ptr<rewards::Reward>(new GreenReward);
                              }});
    return true;
  }();
  (void)once;
}

// Ten pictures of two prompts, in micro-batches of five: three processes have slices of three, three and
// four.
TrainConfig uneven(const std::string& algorithm) {
  TrainConfig config = tiny_config(algorithm);
  config.rollout.group_size = 5;
  config.rollout.micro_batch = 5;
  return config;
}

// The named algorithms on any number of processes, their variants on one and three.
std::map<std::string, TrainConfig> loops(int64_t size) {
  add_green();
  std::map<std::string, TrainConfig> loops;
  for (const char* name : {"flow_grpo", "gamut", "diverse_grpo", "drift", "ddpo", "awm", "nft"})
    loops[name] = uneven(name);
  loops["gamut"].slots.subset.scope = "batch";
  loops["ddpo"].slots.advantage.kind = "running";
  loops["gardo"] = uneven("gardo");
  loops["gardo"].slots.regularizer.names_gate_rewards = false;
  loops["gardo"].gate_tables = {{.kind = "green"}};
  if (size != 1 && size != 3) return loops;
  loops["held"] = uneven("flow_grpo");
  loops["held"].slots.regularizer = {.kind = "kl_flow", .weight = 0.2};
  loops["whole state"] = uneven("drift");
  loops["whole state"].train.shard_optimizer = false;
  loops["average as reference"] = uneven("flow_grpo");
  loops["average as reference"].slots.regularizer = {.kind = "kl_flow", .weight = 0.2, .reference = "ema"};
  loops["base in int8"] = uneven("flow_grpo");
  loops["base in int8"].lora.rank = 2;
  loops["base in int8"].base_weights = "int8";
  loops["adapter"] = uneven("flow_grpo");
  loops["adapter"].lora.rank = 2;
  loops["graphs"] = uneven("flow_grpo");
  loops["graphs"].train.reuse_rollout_graph = true;
  loops["three updates"] = tiny_config("flow_grpo");
  loops["three updates"].rollout.group_size = 12;
  loops["three updates"].rollout.micro_batch = 8;
  loops["three updates"].rollout.updates = 3;
  loops["subset in two updates"] = tiny_config("drift");
  loops["subset in two updates"].rollout.micro_batch = 3;
  loops["subset in two updates"].rollout.updates = 2;
  loops["potential of steps"] = uneven("diverse_drift");
  loops["potential of steps"].slots.shaping.potential = "per_step_x0";
  return loops;
}

nlohmann::json without_times(const StepReport& report) {
  nlohmann::json row = nlohmann::json::parse(report.to_json().dump());
  for (const char* part : {"rollout", "reward", "credit", "reference", "update", "total"})
    row.erase(cat("seconds_", part));
  return row;
}

std::vector<nn::NamedTensor> named(const std::vector<at::Tensor>& tensors) {
  std::vector<nn::NamedTensor> out;
  for (size_t i = 0; i < tensors.size(); ++i) out.push_back({cat("w", i), tensors[i]});
  return out;
}

std::string checksum(const std::vector<at::Tensor>& tensors) {
  std::string bits;
  for (const at::Tensor& tensor : tensors)
    bits.append(static_cast<const char*>(tensor.contiguous().const_data_ptr()), tensor.nbytes());
  return std::to_string(std::hash<std::string>{}(bits));
}

// Each loop's rows, weights and first pictures, written by rank 0. "" = every process ended with the same.
std::string run_all(comm::Group& group, const fs::path& folder, int64_t iterations) {
  for (const auto& [name, config] : loops(group.size())) {
    TinyRun run(config, group);
    at::Tensor pictures;
    run.trainer.observe_credit([&](const CreditView& view) {
      std::vector<int64_t> rows(view.drawn.rows.size());
      for (size_t i = 0; i < rows.size(); ++i) rows[i] = int64_t(i);
      if (view.step == 1) pictures = view.pictures(rows);
    });
    nlohmann::json rows;
    for (const StepReport& report : run.iterate(iterations)) rows.push_back(without_times(report));
    const std::vector<at::Tensor> weights = run.weights();
    for (const std::string& other : group.gather(checksum(weights) + rows.dump()))
      if (other != checksum(weights) + rows.dump()) return name + ": processes differ";
    if (!group.leads()) continue;
    io::write_json(folder / (name + ".json"), rows);
    nn::save_safetensors(folder / (name + ".safetensors"), named(weights));
    nn::save_safetensors(folder / (name + "_pictures.safetensors"), {{"pictures", pictures}});
  }
  return "";
}

void expect_near(const nlohmann::json& got, const nlohmann::json& expected, const std::string& where) {
  ASSERT_EQ(got.size(), expected.size()) << where;
  for (const auto& [key, value] : expected.items()) {
    if (!value.is_number_float()) {
      EXPECT_EQ(got[key], value) << where << " " << key;
      continue;
    }
    const double a = got[key].get<double>(), b = value.get<double>();
    // A mean of terms that cancel is as exact as its terms, which are of the order of one.
    EXPECT_LE(std::abs(a - b), 1e-5 * std::abs(b) + (key == "policy_loss" ? 1e-7 : 1e-9))
        << where << " " << key << " " << a << " " << b;
  }
}

// Norm of the difference over norm, of all weights together. Single weights may be further apart: where a
// gradient is next to nothing, AdamW makes a whole step of its rounding.
double relative_difference(const nn::TensorMap& a, const nn::TensorMap& b) {
  double difference = 0, norm = 0;
  for (const auto& [name, tensor] : a) {
    difference += (tensor - b.at(name)).square().sum(at::kDouble).item<double>();
    norm += tensor.square().sum(at::kDouble).item<double>();
  }
  return std::sqrt(difference / norm);
}

TEST(ranks, any_number_of_processes_gives_what_one_gives) {
  constexpr int64_t kIterations = 5;
  const TempFolder alone;
  for (const testing::RankEnd& end :
       run_ranks(1, [&](comm::Group& group) { return run_all(group, alone.path(), kIterations); }))
    ASSERT_EQ(end.text, "");
  for (const int64_t size : {2, 3, 4}) {
    const TempFolder folder;
    for (const testing::RankEnd& end :
         run_ranks(size, [&](comm::Group& group) { return run_all(group, folder.path(), kIterations); }))
      ASSERT_EQ(end.text, "") << size;
    for (const auto& [name, config] : loops(size)) {
      const std::string where = cat(name, " on ", size);
      const at::Tensor drawn = nn::load_safetensors(folder / (name + "_pictures.safetensors")).at("pictures"),
                       expected_pictures =
                           nn::load_safetensors(alone / (name + "_pictures.safetensors")).at("pictures");
      // The matrix library rounds a product by its number of rows now and then: of batches of 8 and of 2,
      // say.
      EXPECT_TRUE(name == "three updates" ? at::allclose(drawn, expected_pictures, 1e-5, 1e-6)
                                          : at::equal(drawn, expected_pictures))
          << where;
      const nlohmann::json got = io::read_json(folder / (name + ".json")),
                           expected = io::read_json(alone / (name + ".json"));
      ASSERT_EQ(expected.size(), size_t(kIterations));
      for (size_t i = 0; i < expected.size(); ++i)
        expect_near(got[i], expected[i], cat(where, " iteration ", i + 1));
      // Several updates an iteration are as many more steps apart.
      EXPECT_LE(relative_difference(nn::load_safetensors(folder / (name + ".safetensors")),
                                    nn::load_safetensors(alone / (name + ".safetensors"))),
                1e-5 * double(config.rollout.updates))
          << where;
    }
  }
}

// The rows that follow `done` iterations of an earlier group.
std::string go_on(comm::Group& group, const fs::path& run, int64_t begin, int64_t end,
                  const std::string& out) {
  TrainConfig config = uneven("drift");
  config.slots.advantage.kind = "running";
  config.slots.advantage.std_source = "kept";
  config.checkpoint.keep = 9;
  TinyRun tiny(config, group);
  if (begin > 0) tiny.trainer.resume(run / cat("checkpoints/step_00000", begin));
  nlohmann::json rows;
  for (const StepReport& report : tiny.iterate(end - begin)) rows.push_back(without_times(report));
  tiny.trainer.save(run);
  if (!group.leads()) return "";
  io::write_json(run / (out + ".json"), rows);
  nn::save_safetensors(run / (out + ".safetensors"), named(tiny.weights()));
  return "";
}

TEST(ranks, resume_is_bitwise_on_as_many_and_close_on_others) {
  const TempFolder folder;
  const auto run = [&](int64_t size, int64_t begin, int64_t end, const std::string& out) {
    for (const testing::RankEnd& ended :
         run_ranks(size, [&](comm::Group& group) { return go_on(group, folder.path(), begin, end, out); }))
      ASSERT_EQ(ended.text, "");
  };
  run(2, 0, 3, "first");
  run(2, 3, 5, "same");
  run(3, 3, 5, "more");
  run(1, 3, 5, "alone");
  run(2, 0, 5, "whole");
  const nlohmann::json whole = io::read_json(folder / "whole.json");
  const nn::TensorMap weights = nn::load_safetensors(folder / "whole.safetensors");
  for (const char* out : {"same", "more", "alone"}) {
    const nlohmann::json rows = io::read_json(folder / (std::string(out) + ".json"));
    for (size_t i = 0; i < 2; ++i) expect_near(rows[i], whole[i + 3], out);
    if (std::string(out) == "same") {
      EXPECT_EQ(rows[1], whole[4]);
    }
    const double difference =
        relative_difference(nn::load_safetensors(folder / (std::string(out) + ".safetensors")), weights);
    EXPECT_LE(difference, std::string(out) == "same" ? 0 : 1e-5) << out;
  }
}

// Every process skips, and every process goes on.
TEST(ranks, a_gradient_that_is_not_finite_in_one_process_is_skipped_by_all) {
  for (const testing::RankEnd& end : run_ranks(2, [](comm::Group& group) {
         TrainConfig config = uneven("flow_grpo");
         TinyRun run(config, group);
         run.iterate(1);
         const std::vector<at::Tensor> before = run.weights();
         // The other process's weights are as they were: its own gradient is finite.
         const at::Tensor weight = run.trainer.params().front().tensor;
         if (group.rank() == 1) weight.register_hook([](at::Tensor grad) { return grad * NAN; });
         const StepReport report = run.iterate(1).front();
         if (report.skipped != 1 || report.updates != 0) return cat("skipped ", report.skipped);
         const std::vector<at::Tensor> after = run.weights();
         for (size_t i = 0; i < before.size(); ++i)
           if (!at::equal(before[i], after[i])) return std::string("weights moved");
         return std::string();
       }))
    EXPECT_EQ(end.text, "");
}

TEST(ranks, processes_that_begin_with_other_weights_are_refused) {
  for (const testing::RankEnd& end : run_ranks(2, [](comm::Group& group) {
         TrainConfig config = uneven("flow_grpo");
         config.lora.rank = 2;
         config.seed = 3 + group.rank();  // of the adapter's weights
         TinyRun run(config, group);
         return std::string("began");
       }))
    EXPECT_NE(end.text.find("must begin with the same weights; those of rank 1"), std::string::npos)
        << end.text;
}

}  // namespace ranks_test
}  // namespace gamut::train
