// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/lora.h"

#include "gamut/core/error.h"
#include "gamut/nn/layers.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gamut::nn {
namespace lora_test {

using testing::message_of;

// Three layers of each kind that can be adapted.
struct Layers {
  ParamStore store = ParamStore::from_seed(3, {});
  Linear to_q{Scope(store)["attn1"]["to_q"], 16, 32};
  Conv2d conv{Scope(store)["conv1"], 6, 8, {3, 2, 1}};
  PointwiseConv2d proj{Scope(store)["proj_in"], 6, 8};
};

// Random factors that move the layer, in the shapes that peft gives them.
LoraModule module_of(const std::string& path, std::vector<int64_t> down, std::vector<int64_t> up) {
  at::manual_seed(5);
  return {.component = "unet", .path = path, .down = at::randn(down), .up = at::randn(up), .alpha = 4};
}

// Of y + (alpha / r) B A x against (W + (alpha / r) B A) x. The tolerance is fp32 rounding of sums of size
// ten.
void expect_equal_to_merged(Layers& layers, const LoraModule& module, const std::function<Tensor()>& run) {
  const Tensor base = run();
  attach_modules(layers.store, {module}, 0.5);
  const Tensor adapted = run();
  EXPECT_GT((adapted - base).abs().max().item<double>(), 0.5);
  merge_adapters(layers.store);
  EXPECT_TRUE(at::allclose(run(), adapted, 1e-4, 1e-4));
}

TEST(lora, adds_what_merging_adds) {
  at::manual_seed(7);
  const Tensor tokens = at::randn({5, 16});
  const Tensor pictures = at::randn({2, 6, 9, 7}).contiguous(at::MemoryFormat::ChannelsLast);
  for (const int64_t rank : {2, 16}) {
    Layers linear, conv, proj;
    expect_equal_to_merged(linear, module_of("attn1.to_q", {rank, 16}, {32, rank}),
                           [&] { return linear.to_q(tokens); });
    expect_equal_to_merged(conv, module_of("conv1", {rank, 6, 3, 3}, {8, rank, 1, 1}),
                           [&] { return conv.conv(pictures); });
    // Matrices in place of 1x1 convolutions, as some programs write them.
    expect_equal_to_merged(proj, module_of("proj_in", {rank, 6}, {8, rank}),
                           [&] { return proj.proj(pictures); });
  }
}

TEST(lora, several_add_up_and_can_be_switched_off) {
  at::manual_seed(7);
  Layers layers;
  const Tensor x = at::randn({5, 16}), base = layers.to_q(x);
  const LoraModule module = module_of("attn1.to_q", {2, 16}, {32, 2});
  attach_modules(layers.store, {module}, 1);
  const Tensor once = layers.to_q(x);
  attach_modules(layers.store, {module}, -0.5);
  EXPECT_TRUE(at::allclose(layers.to_q(x), base + 0.5 * (once - base), 1e-4, 1e-4));
  {
    const AdaptersOff off(layers.store);
    EXPECT_TRUE(at::equal(layers.to_q(x), base));
  }
  EXPECT_FALSE(at::equal(layers.to_q(x), base));
}

TEST(lora, names_the_layer_that_does_not_fit) {
  Layers layers;
  EXPECT_EQ(message_of<DataError>([&] {
              attach_modules(layers.store, {module_of("attn1.to_q", {2, 12}, {32, 2})}, 1);
            }),
            "[lora] the adapter's lora_A of 'unet.attn1.to_q' does not fit the layer; got [2, 12]; expected "
            "[2, 16]; "
            "was it made for another model?");
  EXPECT_EQ(message_of<DataError>([&] {
              attach_modules(layers.store, {module_of("conv1", {2, 6, 3, 3}, {9, 2, 1, 1})}, 1);
            }),
            "[lora] the adapter's lora_B of 'unet.conv1' does not fit the layer; got [9, 2, 1, 1]; expected "
            "[8, 2, 1, 1]; was it made for another model?");
  EXPECT_EQ(
      message_of<DataError>([&] {
        attach_modules(layers.store, {module_of("attn2.to_q", {2, 16}, {32, 2})}, 1);
      }),
      "[lora] the adapter's layer 'unet.attn2.to_q' is not in the model; the nearest is 'attn1.to_q'; was it "
      "made for another model?");
}

TEST(lora, names_the_target_that_takes_nothing) {
  Layers layers;
  const auto message = [&](const LoraConfig& config) {
    return message_of<ConfigError>([&] { match_targets(config, layers.store); });
  };
  LoraConfig wrong{.rank = 2, .targets = {"to_q", "prj_in"}};
  EXPECT_EQ(message(wrong),
            "[lora] lora.targets: 'prj_in' takes no layer of the model; expected the end of a layer's "
            "path; did you mean 'proj_in'?");
  LoraConfig nothing{.rank = 2, .targets = {}};
  EXPECT_EQ(message(nothing), "[lora] lora.targets must name at least one layer; got an empty list");
  LoraConfig half{.rank = 2, .target_regex = "to_q"};
  EXPECT_NE(message(half).find("it must match a whole path such as 'attn1.to_q'"), std::string::npos);
  LoraConfig broken{.rank = 2, .target_regex = "(to_q"};
  EXPECT_NE(message(broken).find("lora.target_regex must be a regular expression"), std::string::npos);
}

// Streams are named after the tensors: another target changes no other adapter's start.
TEST(lora, starts_depend_on_the_layer_alone) {
  Layers one, two;
  const ParamStore small = attach_lora(one.store, {.rank = 2, .targets = {"to_q"}}, 9);
  const ParamStore large = attach_lora(two.store, {.rank = 2, .targets = {"conv1", "to_q"}}, 9);
  EXPECT_EQ(small.params()[0].name, "attn1.to_q.lora_A.weight");
  EXPECT_TRUE(at::equal(small.params()[0].tensor, large.params()[0].tensor));
  EXPECT_EQ(large.params()[2].name, "conv1.lora_A.weight");
  EXPECT_EQ(one.store.adapters().at("attn1.to_q")->parts[0].scale, 2.0);  // alpha 0 is twice the rank
}

}  // namespace lora_test
}  // namespace gamut::nn
