// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/flux/flux_transformer.h"

#include "gamut/core/error.h"
#include "models/transformer_checks.h"
#include "support/cpu_paths.h"
#include "support/message_of.h"

namespace gamut::models {
namespace flux_transformer_test {

using testing::message_of;

struct Loaded {
  Fixture fixture;
  nn::ParamStore store;
  FluxTransformer net;

  explicit Loaded(const std::string& name, const nn::ParamOptions& options = {})
      : fixture(Fixture::read(name)),
        store(nn::ParamStore::from_tensors(fixture.weights, "transformer", options)),
        net(parse_flux_config(fixture.config, name), nn::Scope(store)) {
    store.finish();
  }
  at::Tensor run(const Inputs& in) const {
    const auto guidance = in.find("guidance");
    return net(in.at("sample"), in.at("time"),
               {.hidden = in.at("hidden"),
                .pooled = in.at("pooled"),
                .guidance = guidance == in.end() ? at::Tensor() : guidance->second});
  }
};

constexpr const char* kCases[] = {"flux_dev", "flux_schnell"};

TEST_ON_CPU_PATHS(flux_transformer, outputs_and_gradients_equal_diffusers) {
  for (const char* name : kCases) expect_original<Loaded>(name, at::kFloat);
}

// fp64 takes PyTorch's operations only, which are what every other device runs.
TEST(flux_transformer, the_path_of_other_devices_equals_diffusers) {
  for (const char* name : kCases) expect_original<Loaded>(name, at::kDouble);
}

TEST_ON_CPU_PATHS(flux_transformer, same_bits_with_and_without_grad) {
  for (const char* name : kCases) expect_same_bits_with_and_without_grad<Loaded>(name);
}

TEST(flux_transformer, recomputing_changes_nothing_but_the_order_of_sums) {
  for (const char* name : kCases) expect_recomputed_gradients<Loaded>(name);
}

TEST_ON_CPU_PATHS(flux_transformer, a_sample_does_not_depend_on_batch_or_threads) {
  for (const char* name : kCases) expect_rows_on_their_own<Loaded>(name);
}

TEST(flux_transformer, packing_is_undone_by_unpacking) {
  const at::Tensor latents = at::arange(2 * 3 * 4 * 6, at::kFloat).view({2, 3, 4, 6});
  const at::Tensor tokens = pack_latents(latents);
  EXPECT_EQ(tokens.sizes(), (std::vector<int64_t>{2, 6, 12}));
  // The first token: the corner's four pixels of each channel.
  EXPECT_TRUE(at::equal(tokens[0][0].narrow(0, 0, 5), at::tensor({0.f, 1.f, 6.f, 7.f, 24.f})));
  EXPECT_TRUE(at::equal(unpack_latents(tokens, 4, 6), latents));
}

TEST(flux_transformer, guidance_is_given_exactly_where_the_network_takes_it) {
  Loaded dev("flux_dev"), schnell("flux_schnell");
  Inputs without = inputs_of(dev.fixture), with = inputs_of(schnell.fixture);
  without.erase("guidance");
  with["guidance"] = at::ones({1});
  EXPECT_THROW(dev.run(without), InternalError);
  EXPECT_THROW(schnell.run(with), InternalError);
}

std::string refusal(const nlohmann::json& change) {
  nlohmann::json config = Fixture::read("flux_dev").config;
  config.update(change);
  return message_of<DataError>([&] { parse_flux_config(config, "transformer/config.json"); });
}

TEST(flux_transformer, configs_of_other_networks_are_refused) {
  EXPECT_EQ(refusal({{"_class_name", "Flux2Transformer2DModel"}}),
            "[transformer/config.json] option '_class_name' has a value that is not supported; got "
            "\"Flux2Transformer2DModel\"; expected \"FluxTransformer2DModel\", the only one supported");
  EXPECT_EQ(refusal({{"mlp_ratio", 3.0}}),
            "[transformer/config.json] option 'mlp_ratio' is unknown; got 3.0");
  EXPECT_EQ(refusal({{"out_channels", 64}}),
            "[transformer/config.json] option 'out_channels' has a value that is not supported; got 64; "
            "expected 16, the "
            "only one supported");
  EXPECT_EQ(refusal({{"axes_dims_rope", {4, 6, 8}}}),
            "[transformer/config.json] option 'axes_dims_rope' has a value that is not supported; got "
            "[4,6,8]; expected "
            "three even numbers whose sum is attention_head_dim = 16");
  EXPECT_EQ(
      refusal({{"in_channels", 18}, {"out_channels", nullptr}}),
      "[transformer/config.json] option 'in_channels' has a value that is not supported; got 18; expected a "
      "multiple of 4: latents packed 2x2");
}

}  // namespace flux_transformer_test
}  // namespace gamut::models
