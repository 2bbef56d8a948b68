// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/families/family.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/models/pipeline.h"
#include "support/library_sums.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::models {
namespace families_test {

namespace fs = std::filesystem;

const fs::path kSource = GAMUT_SOURCE_DIR;
const fs::path kSd3 = kSource / "models/sd3-tiny", kFlux = kSource / "models/flux-tiny";
// Of tests/generators/tiny_dit.py.
const std::vector<std::string> kPrompts{"the digit 7", "the letter K, dark red on light cyan", ""};

// By encode_prompt of diffusers' pipelines.
TEST(families, prompts_are_encoded_as_diffusers_encodes_them) {
  for (const auto& [folder, name] : {std::pair{kSd3, "sd3"}, std::pair{kFlux, "flux"}}) {
    const Conditioning got = Pipeline::open(folder, {}).encode(kPrompts);
    const nn::TensorMap expected =
        nn::load_safetensors(kSource / "tests/cli/fixtures" / (std::string(name) + "_prompts.safetensors"));
    ASSERT_EQ(got.parts.size(), 2u);
    for (const char* part : {"hidden", "pooled"}) {
      ASSERT_EQ(got.part(part).sizes(), expected.at(part).sizes()) << name;
      // The fixtures are of an AMD machine; LibTorch's sums differ by CPU.
      EXPECT_LE((got.part(part) - expected.at(part)).abs().max().item<double>(),
                testing::library_sums_as_on_amd() ? 1e-5 : 4e-5)
          << name << " " << part;
    }
  }
}

TEST(families, t5_reads_as_many_tokens_as_asked_for) {
  for (const auto& [folder, clip] : {std::pair{kSd3, 16}, std::pair{kFlux, 0}}) {
    Pipeline pipe = Pipeline::open(folder, {});
    pipe.set_max_tokens(24, "--max-tokens");
    EXPECT_EQ(pipe.encode({"the digit 7"}).hidden().size(1), clip + 24);
    EXPECT_EQ(testing::message_of<ConfigError>([&] { pipe.set_max_tokens(513, "--max-tokens"); }),
              "[model] --max-tokens must be 1 to 512, the most that T5 reads; got 513");
  }
}

double relative_error(const at::Tensor& got, const at::Tensor& exact) {
  return ((got - exact).norm() / exact.norm()).item<double>();
}

// The denoiser and T5 are what takes room; CLIP and the VAE stay as they are.
TEST(families, int8_holds_what_takes_most_room) {
  for (const fs::path& folder : {kSd3, kFlux}) {
    Pipeline exact = Pipeline::open(folder, {}), pipe = Pipeline::open(folder, {.int8 = true});
    EXPECT_TRUE(pipe.options().int8);
    const nn::ParamStore& denoiser = pipe.denoiser_params();
    EXPECT_GT(denoiser.int8_elements(), denoiser.num_elements() * 9 / 10) << folder;
    EXPECT_LT(denoiser.num_bytes(), exact.denoiser_params().num_bytes() / 2) << folder;
    for (const NamedStore& encoder : pipe.text_encoders())
      EXPECT_EQ(encoder.store->int8_elements() > 0,
                encoder.component == (folder == kSd3 ? "text_encoder_3" : "text_encoder_2"))
          << encoder.component;
    EXPECT_EQ(pipe.coder_params().int8_elements(), 0);

    const Conditioning told = exact.encode({"a cat"}), rounded = pipe.encode({"a cat"});
    EXPECT_GT(relative_error(rounded.hidden(), told.hidden()), 0) << folder;
    EXPECT_LT(relative_error(rounded.hidden(), told.hidden()), 0.03) << folder;
    const at::Tensor x = at::randn({1, 16, 4, 4});
    const Conditioning cond = told.with("guidance", at::full({1}, 3.5));
    EXPECT_LT(relative_error(pipe.predict(x, 500, cond), exact.predict(x, 500, cond)), 0.03) << folder;

    const testing::TempFolder copy;
    EXPECT_NE(testing::message_of<ConfigError>([&] { pipe.save(copy / "model"); }).find("held in int8"),
              std::string::npos);
  }
}

TEST(families, a_saved_folder_opens_again_with_the_same_bits) {
  for (const fs::path& folder : {kSd3, kFlux}) {
    const testing::TempFolder saved;
    Pipeline pipe = Pipeline::open(folder, {});
    pipe.set_picture_size(16, 24);
    pipe.save(saved / "model");
    Pipeline again = Pipeline::open(saved / "model", {});
    again.set_picture_size(16, 24);
    EXPECT_TRUE(again.denoiser_is_stored());
    EXPECT_EQ(pipe.latent_shape(), (std::vector<int64_t>{16, 8, 12}));
    const Conditioning cond = pipe.encode({"the digit 7", "k"}), other = again.encode({"the digit 7", "k"});
    for (const auto& [name, part] : cond.parts) EXPECT_TRUE(at::equal(part, other.part(name))) << name;
    const at::Tensor x = at::linspace(-2, 2, 2 * 16 * 8 * 12).view({2, 16, 8, 12});
    const Conditioning told = cond.with("guidance", at::full({2}, 3.5));
    EXPECT_TRUE(at::equal(pipe.predict(x, 500.0, told), again.predict(x, 500.0, told)));
    EXPECT_TRUE(at::equal(pipe.decode(x), again.decode(x)));
  }
}

// A family that needs a part does not go on without it.
TEST(families, no_part_is_left_out_in_silence) {
  const Pipeline flux = Pipeline::open(kFlux, {});
  const Conditioning cond = flux.encode({"the digit 7"});
  const at::Tensor x = at::zeros({1, 16, 8, 8});
  EXPECT_TRUE(flux.takes_guidance());
  EXPECT_THROW(flux.predict(x, 500.0, cond), InternalError);
  const Conditioning unpooled{.parts = {{"hidden", cond.hidden()}, {"guidance", at::ones({1})}}};
  EXPECT_THROW(flux.predict(x, 500.0, unpooled), InternalError);
}

TEST(families, configs_say_what_latents_are_like) {
  const LatentSpec sd3 = latent_spec(ModelFolder(kSd3.string())),
                   flux = latent_spec(ModelFolder(kFlux.string()));
  EXPECT_EQ(sd3.shape(), (std::vector<int64_t>{16, 8, 8}));
  EXPECT_EQ(flux.shape(), (std::vector<int64_t>{16, 128, 128}));
  EXPECT_EQ(flux.pixel_multiple(), 4);
  EXPECT_EQ(flux.sized(16, 24).shape(), (std::vector<int64_t>{16, 8, 12}));
  EXPECT_EQ(testing::message_of<ConfigError>([&] { flux.sized(16, 26); }),
            "[model] a picture's width must be a multiple of 4, the model's pixels per patch; got 26; the "
            "nearest is 28");
}

// A copy with one key of one JSON file changed.
std::string opened_with(const fs::path& folder, const std::string& file, const std::string& key,
                        const nlohmann::json& value) {
  const testing::TempFolder copy;
  fs::copy(folder, copy / "model", fs::copy_options::recursive);
  nlohmann::json json = io::read_json(copy / "model" / file);
  json[key] = value;
  io::write_json(copy / "model" / file, json);
  std::string message = testing::message_of<DataError>([&] { Pipeline::open(copy / "model", {}); });
  for (size_t at; (at = message.find(copy.path().string())) != std::string::npos;)
    message.replace(at, copy.path().string().size(), "…");
  return message;
}

TEST(families, what_does_not_fit_is_named) {
  EXPECT_EQ(
      opened_with(kSd3, "model_index.json", "_class_name", "Flux2Pipeline"),
      "[…/model/model_index.json] a pipeline of this class is not supported; got \"Flux2Pipeline\"; expected "
      "StableDiffusionPipeline (Stable Diffusion 1.x and 2.x, gamut's own bases), StableDiffusion3Pipeline "
      "(Stable "
      "Diffusion 3 and 3.5), FluxPipeline (FLUX.1)");
  EXPECT_EQ(opened_with(kSd3, "model_index.json", "text_encoder", {"transformers", "CLIPTextModel"}),
            "[…/model/model_index.json] component 'text_encoder' must be a CLIPTextModelWithProjection; got "
            "'CLIPTextModel'; "
            "this kind of model is not supported");
  EXPECT_EQ(opened_with(kSd3, "transformer/config.json", "pooled_projection_dim", 48),
            "[…/model/transformer/config.json] pooled_projection_dim must be the sum of both CLIP "
            "projections; got 48; "
            "expected 32");
  EXPECT_EQ(opened_with(kFlux, "transformer/config.json", "joint_attention_dim", 48),
            "[…/model/transformer/config.json] joint_attention_dim must be T5's width; got 48; expected 40");
  EXPECT_EQ(opened_with(kFlux, "transformer/config.json", "in_channels", 32),
            "[…/model/transformer/config.json] in_channels must go with the vae's latent channels; got 8 "
            "latent channels; "
            "expected 16; inpainting models and the like are not supported");
}

}  // namespace families_test
}  // namespace gamut::models
