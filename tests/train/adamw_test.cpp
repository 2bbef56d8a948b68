// SPDX-License-Identifier: Apache-2.0
// Against torch.optim.AdamW (generators/adamw.py), same formulas in fp32 on another kernel: 2e-6 of values
// near 1.
#include "gamut/core/error.h"
#include "gamut/train/optimizer.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gamut::train {
namespace adamw_test {

const OptimizerConfig kConfig{.learning_rate = 2e-3,
                              .beta1 = 0.9,
                              .beta2 = 0.95,
                              .eps = 1e-6,
                              .weight_decay = 0.05,
                              .max_grad_norm = 1.0};

const nn::TensorMap& fixture() {
  static const nn::TensorMap tensors = nn::load_safetensors(std::filesystem::path(GAMUT_SOURCE_DIR) /
                                                            "tests/train/fixtures/adamw.safetensors");
  return tensors;
}

const at::Tensor& stored(const std::string& name) { return fixture().at(name); }

std::vector<nn::NamedTensor> start() {
  std::vector<nn::NamedTensor> params;
  for (const char* name : {"matrix", "kernel", "idle"})
    params.push_back({name, stored(cat("start.", name)).clone().requires_grad_(true)});
  return params;
}

// Gradients of one step; "idle" has none at all in even steps.
void set_gradients(std::vector<nn::NamedTensor>& params, int64_t step) {
  for (nn::NamedTensor& param : params) {
    const bool missing = param.name == "idle" && step % 2 == 0;
    param.tensor.mutable_grad() =
        missing ? at::Tensor() : stored(cat("grad.", step, ".", param.name)).clone();
  }
}

void one_step(AdamW& optimizer, std::vector<nn::NamedTensor>& params, int64_t step) {
  set_gradients(params, step);
  optimizer.clip_gradients(optimizer.grad_norm());
  optimizer.step();
  optimizer.zero_grad();
}

TEST(adamw, ten_steps_equal_pytorchs) {
  std::vector<nn::NamedTensor> params = start();
  AdamW optimizer(params, kConfig);
  for (int64_t step = 1; step <= 10; ++step) {
    set_gradients(params, step);
    EXPECT_NEAR(optimizer.grad_norm().item<double>(), stored(cat("norm.", step)).item<double>(), 2e-6)
        << step;
    one_step(optimizer, params, step);
    if (step != 1 && step != 10) continue;
    for (const nn::NamedTensor& param : params)
      EXPECT_TRUE(
          at::allclose(param.tensor.detach(), stored(cat("weight.", step, ".", param.name)), 2e-6, 2e-6))
          << param.name << " after " << step;
    for (const nn::NamedTensor& entry : optimizer.state()) {
      const size_t dot = entry.name.find('.');
      const std::string name = cat(entry.name.substr(0, dot), ".", step, entry.name.substr(dot));
      EXPECT_TRUE(at::allclose(entry.tensor, stored(name), 2e-6, 1e-8)) << name;
    }
  }
  EXPECT_EQ(optimizer.steps_done(), 10);
}

TEST(adamw, small_gradients_are_not_scaled_and_large_ones_reach_the_limit) {
  std::vector<nn::NamedTensor> params{{"w", at::zeros({4}).requires_grad_(true)}};
  AdamW optimizer(params, kConfig);
  const at::Tensor small = at::full({4}, 0.25F), large = at::full({4}, 30.F);
  params[0].tensor.mutable_grad() = small.clone();
  optimizer.clip_gradients(optimizer.grad_norm());
  EXPECT_TRUE(at::equal(params[0].tensor.grad(), small));
  params[0].tensor.mutable_grad() = large.clone();
  optimizer.clip_gradients(optimizer.grad_norm());
  EXPECT_NEAR(params[0].tensor.grad().norm().item<double>(), 1, 1e-6);
}

TEST(adamw, a_gradient_that_is_not_finite_shows_in_the_norm) {
  std::vector<nn::NamedTensor> params = start();
  AdamW optimizer(params, kConfig);
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    set_gradients(params, 1);
    params[1].tensor.mutable_grad().view({-1})[5] = bad;
    EXPECT_FALSE(std::isfinite(optimizer.grad_norm().item<double>())) << bad;
  }
}

TEST(adamw, the_rate_of_a_step_can_be_given) {
  std::vector<nn::NamedTensor> given = start(), configured = start(), still = start();
  OptimizerConfig fast = kConfig;
  fast.learning_rate = 0.01;
  AdamW one(given, kConfig), two(configured, fast), three(still, kConfig);
  for (auto* params : {&given, &configured, &still}) set_gradients(*params, 1);
  one.step(0.01);
  two.step();
  three.step(0);
  for (size_t i = 0; i < given.size(); ++i) {
    EXPECT_TRUE(at::equal(given[i].tensor, configured[i].tensor));
    EXPECT_TRUE(at::equal(still[i].tensor.detach(), stored(cat("start.", still[i].name))));
  }
}

TEST(adamw, a_restored_state_goes_on_bit_for_bit) {
  std::vector<nn::NamedTensor> whole = start();
  AdamW optimizer(whole, kConfig);
  for (int64_t step = 1; step <= 4; ++step) one_step(optimizer, whole, step);
  std::vector<nn::NamedTensor> parts;
  for (const nn::NamedTensor& param : whole)
    parts.push_back({param.name, param.tensor.detach().clone().requires_grad_(true)});
  nn::TensorMap state;
  for (const nn::NamedTensor& entry : optimizer.state()) state[entry.name] = entry.tensor.clone();
  AdamW restored(parts, kConfig);
  restored.load_state(state, 4);
  EXPECT_EQ(restored.steps_done(), 4);
  for (int64_t step = 5; step <= 10; ++step) {
    one_step(optimizer, whole, step);
    one_step(restored, parts, step);
  }
  for (size_t i = 0; i < whole.size(); ++i) EXPECT_TRUE(at::equal(whole[i].tensor, parts[i].tensor));
}

TEST(adamw, a_foreign_state_is_refused) {
  AdamW optimizer(start(), kConfig);
  nn::TensorMap state;
  for (const nn::NamedTensor& entry : optimizer.state()) state[entry.name] = entry.tensor.clone();
  state["exp_avg.matrix"] = at::zeros({2});
  EXPECT_EQ(testing::message_of<DataError>([&] { optimizer.load_state(state, 1); }),
            "[checkpoint] optimizer state 'exp_avg.matrix' is of another shape; was the checkpoint written "
            "by another "
            "model?");
  state.erase("exp_avg.matrix");
  EXPECT_EQ(testing::message_of<DataError>([&] { optimizer.load_state(state, 1); }),
            "[checkpoint] optimizer state 'exp_avg.matrix' is missing; was the checkpoint written by another "
            "model?");
}

}  // namespace adamw_test
}  // namespace gamut::train
