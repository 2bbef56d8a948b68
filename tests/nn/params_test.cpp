// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/params.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

namespace gamut::nn {
namespace params_test {

TensorMap some() {
  return {{"a.weight", at::ones({2, 3}, at::kFloat)},
          {"a.bias", at::ones({2}, at::kDouble)},
          {"b", at::ones({1})}};
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

TEST(params, declared_tensors_come_from_the_source_in_the_asked_type) {
  ParamStore store = ParamStore::from_tensors(some(), "net", {});
  const Tensor bias = Scope(store)["a"].get("bias", {2}, Init::zeros());
  EXPECT_EQ(bias.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(bias, at::ones({2})));
  EXPECT_EQ(store.params()[0].name, "a.bias");
}

TEST(params, a_place_may_hold_another_type_than_the_rest) {
  ParamStore store = ParamStore::from_tensors(some(), "net", {at::kCPU, at::kHalf});
  const Scope scope(store);
  EXPECT_EQ(scope["a"].in_type(at::kFloat).get("bias", {2}, Init::zeros()).scalar_type(), at::kFloat);
  EXPECT_EQ(scope.in_type(at::kFloat)["a"].get("weight", {2, 3}, Init::zeros()).scalar_type(), at::kFloat);
  EXPECT_EQ(scope.get("b", {1}, Init::zeros()).scalar_type(), at::kHalf);
}

TEST(params, buffers_are_read_and_made_but_are_no_parameters) {
  const auto make = [] { return at::full({1}, 7.0); };
  ParamStore store = ParamStore::from_tensors(some(), "net", {}), fresh = ParamStore::from_seed(1, {});
  EXPECT_EQ(Scope(store).buffer("b", {1}, make).item<float>(), 1);
  EXPECT_EQ(Scope(fresh).buffer("b", {1}, make).item<float>(), 7);
  EXPECT_TRUE(store.params().empty());
  store.require_grad(true);
  EXPECT_FALSE(store.buffers().at(0).tensor.requires_grad());
  EXPECT_EQ(store.buffers().at(0).name, "b");
}

TEST(params, a_missing_tensor_names_the_nearest_one) {
  ParamStore store = ParamStore::from_tensors(some(), "net", {});
  EXPECT_EQ(
      message_of([&] {
        store.declare("a.weights", {2, 3}, Init::zeros());
      }),
      "[net] tensor 'a.weights' is missing; expected shape [2, 3]; the nearest unused one is 'a.weight'; are "
      "config.json and the weights from the same model?");
}

TEST(params, a_wrong_shape_names_both) {
  ParamStore store = ParamStore::from_tensors(some(), "net", {});
  EXPECT_EQ(message_of([&] {
              store.declare("a.weight", {3, 2}, Init::zeros());
            }),
            "[net] tensor 'a.weight' has the wrong shape; got [2, 3]; expected [3, 2]; are config.json and "
            "the weights "
            "from the same model?");
}

TEST(params, surplus_tensors_are_named_unless_ignored) {
  ParamStore store = ParamStore::from_tensors(some(), "net", {});
  store.declare("a.weight", {2, 3}, Init::zeros());
  EXPECT_EQ(
      message_of([&] { store.finish({"bias"}); }),
      "[net] the weights hold 1 tensor that config.json has no place for; got 'b'; are config.json and the "
      "weights from the same model?");
  EXPECT_EQ(message_of([&] { store.finish({"bias", "b"}); }), "no error");
}

TEST(params, four_dimensional_weights_are_channels_last) {
  ParamStore store = ParamStore::from_tensors({{"w", at::rand({4, 3, 2, 2})}}, "net", {});
  EXPECT_TRUE(store.declare("w", {4, 3, 2, 2}, Init::zeros()).is_contiguous(at::MemoryFormat::ChannelsLast));
}

TEST(params, a_drawn_tensor_depends_on_seed_and_name_alone) {
  const auto draw = [](uint64_t seed, const std::vector<std::string>& names) {
    ParamStore store = ParamStore::from_seed(seed, {});
    Tensor last;
    for (const std::string& name : names) {
      last = store.declare(name, {64}, Init::normal(1));
    }
    return last;
  };
  EXPECT_TRUE(at::equal(draw(1, {"w"}), draw(1, {"other", "w"})));
  EXPECT_FALSE(at::equal(draw(1, {"w"}), draw(2, {"w"})));
  EXPECT_FALSE(at::equal(draw(1, {"w"}), draw(1, {"v"})));
}

TEST(params, draws_have_their_stated_spread) {
  ParamStore store = ParamStore::from_seed(3, {});
  const Tensor uniform = store.declare("u", {100, 100}, Init::uniform_fan_in(25));
  EXPECT_LE(uniform.abs().max().item<double>(), 0.2);
  // 10,000 numbers: standard errors of mean and deviation are a hundredth of the deviation.
  EXPECT_NEAR(uniform.std().item<double>(), 0.2 / std::sqrt(3.0), 0.005);
  const Tensor normal = store.declare("n", {100, 100}, Init::normal(0.02));
  EXPECT_NEAR(normal.mean().item<double>(), 0.0, 0.001);
  EXPECT_NEAR(normal.std().item<double>(), 0.02, 0.001);
  EXPECT_TRUE(at::equal(store.declare("z", {3}, Init::zeros()), at::zeros({3})));
  EXPECT_TRUE(at::equal(store.declare("o", {3}, Init::ones()), at::ones({3})));
}

TEST(params, counts_and_switches_gradients) {
  ParamStore store = ParamStore::from_seed(3, {});
  const Tensor w = store.declare("w", {3, 5}, Init::ones());
  store.declare("b", {5}, Init::ones());
  EXPECT_EQ(store.num_elements(), 20);
  store.require_grad(true);
  EXPECT_TRUE(w.requires_grad());
  store.require_grad(false);
  EXPECT_FALSE(w.requires_grad());
}

TEST(params, numbers_that_are_not_finite_are_refused) {
  for (const auto type : {at::kFloat, at::kHalf, at::kBFloat16}) {
    Tensor damaged = at::ones({2, 3}).to(type);
    damaged[0][1] = std::numeric_limits<double>::quiet_NaN();
    damaged[1][2] = -std::numeric_limits<double>::infinity();
    ParamStore store = ParamStore::from_tensors({{"w", damaged}}, "unet", {});
    EXPECT_EQ(message_of([&] {
                store.declare("w", {2, 3}, Init::zeros());
              }),
              "[unet] tensor 'w' must hold finite numbers; got 2 of 6 NaN or infinite; the file is damaged");
  }
  // Finite numbers whose sum is not.
  ParamStore store = ParamStore::from_tensors({{"w", at::full({4}, 3e38F)}}, "unet", {});
  EXPECT_TRUE(at::equal(store.declare("w", {4}, Init::zeros()), at::full({4}, 3e38F)));
}

}  // namespace params_test
}  // namespace gamut::nn
