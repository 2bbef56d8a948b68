// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/policy_set.h"

#include "gamut/train/policy.h"
#include "tiny_training.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

namespace gamut::train {
namespace policy_set_test {

using algorithms::Policy;

// A folder's model, its trained tensors and the set around them.
struct Case {
  testing::Threads one{1};
  testing::TempFolder folder;
  TrainConfig config;
  std::optional<models::Pipeline> policy;
  std::vector<nn::NamedTensor> trained;
  std::optional<PolicySet> set;

  Case(const std::string& algorithm, int64_t rank, const std::function<void(algorithms::Slots&)>& change = {})
      : config(tiny_config(algorithm)) {
    testing::write_tiny_model(folder / "configs");
    models::Pipeline::create(folder / "configs", 5, {}).save(folder / "model");
    config.model = (folder / "model").string();
    config.lora.rank = rank;
    if (change) change(config.slots);
    policy.emplace(open_policy(config));
    trained = make_trainable(config, *policy);
    set.emplace(config, *policy, trained, algorithms::make_objective(config.slots, 1)->needs());
  }
  // What a policy answers.
  at::Tensor ask(Policy name) const {
    at::NoGradGuard no_grad;
    const PolicySet::Use use = set->use(name);
    return use.network().predict(at::ones({1, 12, 4, 4}), 500.0, policy->encode({"7"}));
  }
  void move(double by) {
    at::NoGradGuard no_grad;
    for (nn::NamedTensor& tensor : trained) tensor.tensor.add_(by);
  }
};

TEST(policy_set, the_base_stays_while_the_policy_moves) {
  for (const int64_t rank : {0, 2}) {
    Case made("flow_grpo", rank, [](algorithms::Slots& s) { s.regularizer = {.kind = "kl_v", .weight = 1}; });
    const at::Tensor before = made.ask(Policy::kBase);
    EXPECT_TRUE(at::equal(before, made.ask(Policy::kCurrent)));
    made.move(0.05);
    EXPECT_TRUE(at::equal(made.ask(Policy::kBase), before)) << rank;
    EXPECT_FALSE(at::equal(made.ask(Policy::kCurrent), before)) << rank;
    EXPECT_TRUE(made.set->stored().empty());
  }
}

TEST(policy_set, the_average_is_what_it_is_told) {
  for (const int64_t rank : {0, 2}) {
    Case made("flow_grpo", rank, [](algorithms::Slots& s) {
      s.regularizer = {.kind = "kl_v", .weight = 1, .reference = "ema"};
    });
    made.move(0.05);
    std::vector<nn::NamedTensor> average;
    for (const auto& [name, tensor] : made.trained) average.push_back({name, tensor.detach().clone()});
    const at::Tensor expected = made.ask(Policy::kCurrent);
    made.set->follow_average(average);
    made.move(0.05);
    EXPECT_TRUE(at::equal(made.ask(Policy::kAverage), expected)) << rank;
  }
}

TEST(policy_set, a_periodic_copy_is_renewed_when_due) {
  for (const int64_t rank : {0, 2}) {
    Case made("flow_grpo", rank, [](algorithms::Slots& s) {
      s.regularizer = {
          .kind = "kl_v", .weight = 1, .reference = "periodic", .reset_kl = 0.1, .reset_epochs = 100};
    });
    const at::Tensor before = made.ask(Policy::kPeriodic);
    made.move(0.05);
    EXPECT_FALSE(made.set->renew(0.05));
    EXPECT_TRUE(at::equal(made.ask(Policy::kPeriodic), before));
    EXPECT_EQ(made.set->since_renewal(), 1);
    EXPECT_TRUE(made.set->renew(0.2));
    EXPECT_TRUE(at::equal(made.ask(Policy::kPeriodic), made.ask(Policy::kCurrent)));
    EXPECT_EQ(made.set->since_renewal(), 0);
    EXPECT_EQ(made.set->stored().count("reference"), 1u);
  }
}

// d = min(0.001 * 200, 0.5) = 0.2 of the old, the rest of the current.
TEST(policy_set, an_old_policy_follows_slowly) {
  for (const int64_t rank : {0, 2}) {
    Case made("nft", rank);
    const at::Tensor first = made.trained[0].tensor.detach().clone();
    made.move(1);
    EXPECT_FALSE(at::equal(made.ask(Policy::kOld), made.ask(Policy::kCurrent)));
    made.set->age_old(200);
    EXPECT_TRUE(at::allclose(made.set->stored().at("old")[0].tensor, first + 0.8, 1e-5, 1e-6));
    EXPECT_TRUE(at::allclose(made.trained[0].tensor, first + 1, 1e-5, 1e-6));  // put back after each use
  }
}

TEST(policy_set, holds_nothing_that_nobody_asks_for) {
  Case made("awm", 0);
  EXPECT_TRUE(made.set->stored().empty());
  made.move(0.05);
  EXPECT_TRUE(at::equal(made.ask(Policy::kOld), made.ask(Policy::kCurrent)));
  EXPECT_FALSE(made.set->renew(1));
}

}  // namespace policy_set_test
}  // namespace gamut::train
