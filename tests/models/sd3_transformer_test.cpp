// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/mmdit/sd3_transformer.h"

#include "gamut/core/error.h"
#include "models/transformer_checks.h"
#include "support/cpu_paths.h"
#include "support/message_of.h"

namespace gamut::models {
namespace sd3_transformer_test {

using testing::message_of;

struct Loaded {
  Fixture fixture;
  nn::ParamStore store;
  Sd3Transformer net;

  explicit Loaded(const std::string& name, const nn::ParamOptions& options = {})
      : fixture(Fixture::read(name)),
        store(nn::ParamStore::from_tensors(fixture.weights, "transformer", options)),
        net(parse_sd3_config(fixture.config, name), nn::Scope(store)) {
    store.finish();
  }
  at::Tensor run(const Inputs& in) const {
    return net(in.at("sample"), in.at("time"), {.hidden = in.at("hidden"), .pooled = in.at("pooled")});
  }
};

constexpr const char* kCases[] = {"sd3_medium", "sd3_35_medium", "sd3_35_large"};

TEST_ON_CPU_PATHS(sd3_transformer, outputs_and_gradients_equal_diffusers) {
  for (const char* name : kCases) expect_original<Loaded>(name, at::kFloat);
}

// fp64 takes PyTorch's operations only, which are what every other device runs.
TEST(sd3_transformer, the_path_of_other_devices_equals_diffusers) {
  for (const char* name : kCases) expect_original<Loaded>(name, at::kDouble);
}

TEST_ON_CPU_PATHS(sd3_transformer, same_bits_with_and_without_grad) {
  for (const char* name : kCases) expect_same_bits_with_and_without_grad<Loaded>(name);
}

TEST(sd3_transformer, recomputing_changes_nothing_but_the_order_of_sums) {
  for (const char* name : kCases) expect_recomputed_gradients<Loaded>(name);
}

TEST_ON_CPU_PATHS(sd3_transformer, a_sample_does_not_depend_on_batch_or_threads) {
  for (const char* name : kCases) expect_rows_on_their_own<Loaded>(name);
}

TEST(sd3_transformer, a_new_network_has_diffusers_positions) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    const Fixture fixture = Fixture::read(name);
    nn::ParamStore store = nn::ParamStore::from_seed(1, {});
    const Sd3Transformer net(parse_sd3_config(fixture.config, name), nn::Scope(store));
    ASSERT_EQ(store.buffers().size(), 1u);
    EXPECT_EQ(store.buffers()[0].name, "pos_embed.pos_embed");
    // fp32 sines of the same angles
    expect_near(store.buffers()[0].tensor, fixture.tensors.at("position_table"), 1e-6, "position_table");
    EXPECT_EQ(store.num_elements() + store.buffers()[0].tensor.numel(), [&] {
      int64_t total = 0;
      for (const auto& [key, weight] : fixture.weights) total += weight.numel();
      return total;
    }());
  }
}

TEST(sd3_transformer, pictures_beyond_the_table_are_refused) {
  Loaded loaded("sd3_medium");
  Inputs in = inputs_of(loaded.fixture);
  in["sample"] = at::zeros({2, 16, 20, 8});
  EXPECT_EQ(message_of<ConfigError>([&] { loaded.run(in); }),
            "[size] pictures of this model are at most 18 latent pixels high and wide (pos_embed_max_size); "
            "got 20 x 8; "
            "choose a smaller size");
}

std::string refusal(const nlohmann::json& change) {
  nlohmann::json config = Fixture::read("sd3_35_medium").config;
  config.update(change);
  return message_of<DataError>([&] { parse_sd3_config(config, "transformer/config.json"); });
}

TEST(sd3_transformer, configs_of_other_networks_are_refused) {
  EXPECT_EQ(refusal({{"_class_name", "Flux2Transformer2DModel"}}),
            "[transformer/config.json] option '_class_name' has a value that is not supported; got "
            "\"Flux2Transformer2DModel\"; expected \"SD3Transformer2DModel\", the only one supported");
  EXPECT_EQ(refusal({{"qk_norm", "layer_norm"}}),
            "[transformer/config.json] option 'qk_norm' has a value that is not supported; got "
            "\"layer_norm\"; expected "
            "\"rms_norm\", the only one supported");
  EXPECT_EQ(refusal({{"dual_attention_layers", {0, 3}}}),
            "[transformer/config.json] option 'dual_attention_layers' has a value that is not supported; got "
            "[0,3]; "
            "expected numbers of layers, 0 to 2");
  EXPECT_EQ(
      refusal({{"caption_projection_dim", 31}}),
      "[transformer/config.json] option 'caption_projection_dim' has a value that is not supported; got 31; "
      "expected num_attention_heads times attention_head_dim = 32");
}

// A folder with an IP-Adapter carries weights that the configuration has no place for.
TEST(sd3_transformer, weights_of_an_ip_adapter_are_refused) {
  Fixture fixture = Fixture::read("sd3_medium");
  fixture.weights["transformer_blocks.0.attn.processor.to_k_ip.weight"] = at::zeros({32, 24});
  nn::ParamStore store = nn::ParamStore::from_tensors(fixture.weights, "transformer", {});
  const Sd3Transformer net(parse_sd3_config(fixture.config, "c"), nn::Scope(store));
  EXPECT_EQ(message_of<DataError>([&] { store.finish(); }),
            "[transformer] the weights hold 1 tensor that config.json has no place for; got "
            "'transformer_blocks.0.attn.processor.to_k_ip.weight'; are config.json and the weights from the "
            "same model?");
}

}  // namespace sd3_transformer_test
}  // namespace gamut::models
