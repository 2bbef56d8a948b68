// SPDX-License-Identifier: Apache-2.0
// Every named algorithm through the whole loop on a tiny model.
#include "gamut/core/error.h"
#include "support/message_of.h"
#include "tiny_training.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::train {
namespace algorithms_test {

// The named algorithms as they are and with the options that touch the loop. GARDO's gate needs a CLIP
// folder, so its whole loop is tested on the command line.
std::vector<std::pair<std::string, TrainConfig>> all_loops() {
  std::vector<std::pair<std::string, TrainConfig>> loops;
  for (const algorithms::NamedAlgorithm& named : algorithms::algorithm_table())
    if (named.name != "gardo") loops.emplace_back(named.name, tiny_config(named.name));
  for (auto& [name, config] : loops)
    config.slots.objective.threshold = 0.01;  // raft: the pictures are as red as they are
  auto add = [&](const std::string& name, const std::string& base, auto change) {
    loops.emplace_back(name, tiny_config(base));
    change(loops.back().second.slots);
  };
  add("guard", "flow_grpo", [](algorithms::Slots& s) { s.loss.kind = "grpo_guard"; });
  add("prompt noise at each step", "diverse_drift", [](algorithms::Slots& s) {
    s.conditioning.resample = "step";
    s.conditioning.form = "cads";
  });
  add("potential per step", "diverse_drift",
      [](algorithms::Slots& s) { s.shaping.potential = "per_step_x0"; });
  add("random window", "flow_grpo", [](algorithms::Slots& s) {
    s.sampler.window = 2;
    s.sampler.window_kind = "random";
    s.schedule.kind = "window";
  });
  add("variable subset", "diverse_drift", [](algorithms::Slots& s) { s.subset.kind = "sigma_band"; });
  add("averaged reference", "flow_grpo",
      [](algorithms::Slots& s) { s.regularizer = {.kind = "kl_x", .weight = 1, .reference = "ema"}; });
  // Objectives on the forward process: on a diffusion model, drawn with noise, with the parts that keep
  // variety.
  for (const std::string name : {"awm", "nft", "weighted_matching"}) {
    add(name + " on ddim", name,
        [](algorithms::Slots& s) { s.sampler = {.kind = "ddim", .steps = 4, .eta = 0}; });
    add(name + " on an SDE", name, [](algorithms::Slots& s) { s.sampler.kind = "flow_sde"; });
    add(name + " with drift", name, [](algorithms::Slots& s) {
      s.conditioning.kind = "annealed_noise";
      s.subset.kind = "min_variance";
      s.shaping.kind = "pairwise_potential";
    });
    add(name + " held to the average", name, [](algorithms::Slots& s) {
      s.regularizer = {.kind = "kl_v", .weight = 0.1, .pool = 2, .reference = "ema"};
    });
  }
  return loops;
}

TEST(algorithms, start_every_iteration_at_ratio_one_and_learn) {
  for (const auto& [name, config] : all_loops()) {
    TinyRun run(config);
    const std::vector<at::Tensor> before = run.weights();
    const std::vector<StepReport> reports = run.iterate(3);
    for (const StepReport& report : reports) {
      EXPECT_EQ(report.ratio_max_deviation, 0) << name;
      EXPECT_TRUE(std::isfinite(report.policy_loss)) << name;
      EXPECT_EQ(report.updates, 1) << name;
      EXPECT_EQ(report.skipped, 0) << name;
    }
    double moved = 0;
    const std::vector<at::Tensor> after = run.weights();
    for (size_t i = 0; i < after.size(); ++i) moved += (after[i] - before[i]).abs().sum().item<double>();
    EXPECT_GT(moved, 0) << name;
  }
}

// Several updates per rollout: the old policy is that of the rollout, exactly, and the ratio leaves 1 after
// the first.
TEST(algorithms, awm_remembers_the_policy_of_the_rollout) {
  for (const int64_t rank : {0, 2}) {
    TrainConfig config = tiny_config("awm");
    config.rollout.updates = 3;
    config.lora.rank = rank;
    config.optimizer.learning_rate = 0.02;
    for (const StepReport& report : TinyRun(config).iterate(2)) {
      EXPECT_EQ(report.ratio_max_deviation, 0) << rank;
      EXPECT_GT(report.approx_kl, 0) << rank;
      EXPECT_EQ(report.updates, 3) << rank;
    }
  }
}

// NFT draws by its old policy: with d = 1 from the second iteration on, the pictures stay those of the first
// update.
TEST(algorithms, nft_draws_by_its_old_policy) {
  for (const int64_t rank : {0, 2}) {
    TrainConfig config = tiny_config("nft");
    config.lora.rank = rank;
    config.rollout.prompts_per_iteration = 4;
    config.slots.objective.old_decay_rate = 1;
    config.slots.objective.old_decay_max = 1;
    TinyRun still(config);
    still.iterate(2);
    config.optimizer.learning_rate = 0;
    TinyRun unmoved(config);
    unmoved.iterate(2);
    EXPECT_TRUE(at::equal(still.reward.seen, unmoved.reward.seen)) << rank;
    config.optimizer.learning_rate = 2e-3;
    config.slots.objective.old_decay_max = 0;
    TinyRun moving(config);
    moving.iterate(2);
    EXPECT_FALSE(at::equal(moving.reward.seen, unmoved.reward.seen)) << rank;
  }
}

TEST(algorithms, an_objective_without_a_trajectory_refuses_what_needs_one) {
  TrainConfig config = tiny_config("nft");
  config.train.reuse_rollout_graph = true;
  EXPECT_EQ(testing::message_of<ConfigError>([&] { TinyRun run(config); }),
            "[train] reuse_rollout_graph keeps the graphs of the rollout's steps, and objective.kind = "
            "\"nft\" trains at other "
            "times; expected train.reuse_rollout_graph = false");
  config = tiny_config("nft");
  config.algorithm = "nft";
  config.slots.loss.kind = "ppo_clip";
  EXPECT_EQ(testing::message_of<ConfigError>([&] { TinyRun run(config); }),
            "[objective] objective.kind = \"nft\" has a loss of its own, which no surrogate joins; got "
            "loss.kind = \"ppo_clip\"; "
            "remove [loss] from the recipe");
  config = tiny_config("flow_grpo");  // whose filling has a surrogate that nobody asked for
  config.slots.sampler.kind = "ode";
  config.slots.objective.kind = "nft";
  TinyRun run(config);
}

TEST(algorithms, a_subset_trains_what_it_keeps) {
  TrainConfig config = tiny_config("diverse_drift");
  config.slots.subset = {.kind = "max_variance", .candidates = 8, .keep = 4};
  const StepReport report = TinyRun(config).iterate(1)[0];
  EXPECT_EQ(report.images, 16);
  EXPECT_EQ(report.trained_images, 8);
  EXPECT_GT(report.subset_std_ratio.value(), 1);
}

// The discarded half leaves no trace: the gradient is that of a run that never drew it.
TEST(algorithms, discarded_candidates_have_no_influence_on_the_gradient) {
  TrainConfig config = tiny_config("flow_grpo");
  config.rollout.group_size = 8;
  config.slots.advantage.kind = "group";
  config.slots.subset = {.kind = "upper_trim", .candidates = 8, .keep = 4, .std_floor = 0};
  TinyRun one(config), two(config);
  // The four worst of each prompt are kept; the others' rewards change in the second run but stay the best.
  two.reward.disturb = [](rewards::Scores& scores) {
    std::vector<double> sorted[2];
    for (size_t i = 0; i < scores.value.size(); ++i) sorted[i % 2].push_back(scores.value[i]);
    for (auto& values : sorted) std::sort(values.begin(), values.end());
    for (size_t i = 0; i < scores.value.size(); ++i)
      if (scores.value[i] > sorted[i % 2][3]) scores.value[i] += 1 + double(i);
  };
  one.iterate(1);
  two.iterate(1);
  const std::vector<at::Tensor> first = one.weights(), second = two.weights();
  for (size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(first[i].equal(second[i])) << i;
}

TEST(algorithms, a_pool_larger_than_the_latent_is_refused) {
  TrainConfig config = tiny_config("flow_grpo");
  config.slots.regularizer = {.kind = "kl_x", .pool = 5};
  EXPECT_EQ(testing::message_of<ConfigError>([&] { TinyRun run(config); }),
            "[regularizer] regularizer.pool must not exceed the latent's sides; got 5; the latent is 4 x 4");
}

TEST(algorithms, a_reference_that_is_the_policy_costs_nothing) {
  for (const char* kind : {"kl_flow", "kl_exact", "kl_v", "kl_x", "structure_aware"}) {
    TrainConfig config = tiny_config("flow_grpo");
    config.slots.regularizer = {.kind = kind, .weight = 1};
    EXPECT_EQ(TinyRun(config).iterate(1)[0].kl, 0) << kind;
  }
}

}  // namespace algorithms_test
}  // namespace gamut::train
