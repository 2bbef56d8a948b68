// SPDX-License-Identifier: Apache-2.0
// AutoencoderKL against diffusers; fixtures by tests/generators/vae.py.
#include "gamut/models/vae/autoencoder_kl.h"

#include "gamut/core/error.h"
#include "models/hashed_weights.h"
#include "support/message_of.h"
#include "support/cpu_paths.h"

namespace gamut::models {
namespace autoencoder_kl_test {

using testing::message_of;

constexpr const char* kCases[] = {"vae_sd", "vae_bare", "vae_short_tiles", "vae_sd3"};

struct Loaded {
  Fixture fixture;
  nn::ParamStore store;
  AutoencoderKL vae;

  explicit Loaded(const std::string& name, const nn::ParamOptions& options = {})
      : fixture(Fixture::read(name)),
        store(nn::ParamStore::from_tensors(fixture.weights, "vae", options)),
        vae(parse_autoencoder_config(fixture.config, name), nn::Scope(store)) {
    store.finish();
  }
  const at::Tensor& operator[](const std::string& name) const { return fixture.tensors.at(name); }
  // The fixture's latents go into the original's decoder, which leaves scaling to its pipeline.
  at::Tensor scaled_latents() const {
    return ((*this)["latents"] - vae.config().shift_factor) * vae.config().scaling_factor;
  }
};

TEST_ON_CPU_PATHS(autoencoder_kl, decodes_and_encodes_as_diffusers) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    const Loaded loaded(name);
    expect_near(loaded.vae.decode(loaded.scaled_latents(), {}), loaded["decoded"], 1e-5, "decoded");
    expect_near(loaded.vae.moments(loaded["pictures"], {}), loaded["moments"], 1e-5, "moments");
  }
}

TEST(autoencoder_kl, tiles_blend_as_in_diffusers) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    const Loaded loaded(name);
    expect_near(loaded.vae.decode(loaded.scaled_latents(), {.tiling = true}), loaded["decoded_tiled"], 1e-5,
                "decoded_tiled");
    expect_near(loaded.vae.moments(loaded["pictures"], {.tiling = true}), loaded["moments_tiled"], 1e-5,
                "moments_tiled");
    EXPECT_FALSE(at::allclose(loaded["decoded_tiled"], loaded["decoded"])) << "the fixture has one tile only";
  }
}

// fp64 takes PyTorch's operations only, which are what every other device runs.
TEST(autoencoder_kl, the_path_of_other_devices_equals_diffusers) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    const Loaded loaded(name, {at::kCPU, at::kDouble});
    expect_near(loaded.vae.decode(loaded.scaled_latents().to(at::kDouble), {}), loaded["decoded"], 1e-5,
                "decoded");
    expect_near(loaded.vae.moments(loaded["pictures"].to(at::kDouble), {}), loaded["moments"], 1e-5,
                "moments");
  }
}

TEST(autoencoder_kl, slices_change_nothing) {
  const Loaded loaded("vae_sd");
  const at::Tensor latents = loaded.scaled_latents();
  const at::Tensor whole = loaded.vae.decode(latents, {});
  EXPECT_TRUE(at::allclose(loaded.vae.decode(latents, {.slice_pixels = 1}), whole, 0, 1e-6));
  EXPECT_TRUE(at::equal(loaded.vae.decode(latents, {.slice_pixels = 1}).narrow(0, 1, 1),
                        loaded.vae.decode(latents.narrow(0, 1, 1), {})));
}

TEST(autoencoder_kl, encoding_is_the_scaled_mean) {
  const Loaded loaded("vae_bare");
  const at::Tensor mean = loaded["moments"].narrow(1, 0, 2);
  expect_near(loaded.vae.encode(loaded["pictures"], {}), (mean - 0.25) * 1.5, 2e-5, "latents");
}

TEST(autoencoder_kl, reads_the_attention_names_of_older_files) {
  const Fixture fixture = Fixture::read("vae_sd");
  nn::TensorMap old;
  for (const auto& [name, tensor] : fixture.weights) {
    std::string before = name;
    for (const auto& [now, then] : {std::pair<std::string, std::string>{".to_q.", ".query."},
                                    {".to_k.", ".key."},
                                    {".to_v.", ".value."},
                                    {".to_out.0.", ".proj_attn."}}) {
      if (const size_t place = before.find(now); place != std::string::npos)
        before.replace(place, now.size(), then);
    }
    old[before] = tensor;
  }
  EXPECT_TRUE(old.contains("encoder.mid_block.attentions.0.query.weight"));
  const nn::TensorMap renamed = with_new_names(old);
  ASSERT_EQ(renamed.size(), fixture.weights.size());
  for (const auto& [name, tensor] : fixture.weights) EXPECT_TRUE(at::equal(renamed.at(name), tensor)) << name;
}

TEST(autoencoder_config, knows_stable_diffusion) {
  const AutoencoderConfig config =
      parse_autoencoder_config({{"_class_name", "AutoencoderKL"},
                                {"_diffusers_version", "0.6.0"},
                                {"act_fn", "silu"},
                                {"block_out_channels", {128, 256, 512, 512}},
                                {"down_block_types", std::vector<std::string>(4, "DownEncoderBlock2D")},
                                {"up_block_types", std::vector<std::string>(4, "UpDecoderBlock2D")},
                                {"latent_channels", 4},
                                {"layers_per_block", 2},
                                {"sample_size", 512}},
                               "vae/config.json");
  EXPECT_EQ(config.factor(), 8);
  EXPECT_EQ(config.scaling_factor, 0.18215);
  EXPECT_TRUE(config.quant_conv && config.post_quant_conv && config.mid_attention);
}

TEST(autoencoder_config, refuses_what_it_does_not_compute) {
  const auto refused = [](const nlohmann::json& json) {
    return message_of<DataError>([&] { parse_autoencoder_config(json, "c"); });
  };
  EXPECT_EQ(
      refused({{"block_out_channels", {64, 60}}}),
      "[c] option 'block_out_channels' has a value that is not supported; got [64,60]; expected 1 to 16 "
      "multiples of norm_num_groups = 32");
  EXPECT_EQ(
      refused({{"down_block_types", {"AttnDownEncoderBlock2D"}}}),
      "[c] option 'down_block_types' has a value that is not supported; got [\"AttnDownEncoderBlock2D\"]; "
      "expected 1 times DownEncoderBlock2D");
  EXPECT_EQ(refused({{"_class_name", "AutoencoderTiny"}}),
            "[c] option '_class_name' has a value that is not supported; got \"AutoencoderTiny\"; expected "
            "\"AutoencoderKL\", the only one supported");
  EXPECT_EQ(refused({{"latents_mean", {0.1}}}),
            "[c] option 'latents_mean' has a value that is not supported; got [0.1]; expected null");
}

}  // namespace autoencoder_kl_test
}  // namespace gamut::models
