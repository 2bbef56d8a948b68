// SPDX-License-Identifier: Apache-2.0
// `gamut sample` on models/sd3-tiny and models/flux-tiny against diffusers' StableDiffusion3Pipeline and
// FluxPipeline; fixtures by tests/generators/tiny_dit.py.
#include "cli/golden_latents.h"
#include "cli/run_program.h"

namespace gamut::testing {
namespace dit_golden_test {

const fs::path kSd3 = kSource / "models/sd3-tiny", kFlux = kSource / "models/flux-tiny";

// fp32 sums in another order, of the largest latent.
constexpr double kTolerance = 1e-4;

using Strings = std::vector<std::string>;

Ran sample(const Micro& micro, const fs::path& model, const std::string& fixture, const Strings& flags) {
  const io::SafetensorsFile file = io::SafetensorsFile::open(kFixtures / (fixture + ".safetensors"));
  Strings args{"sample",
               "--model",
               model.string(),
               "--prompt",
               "the digit 7",
               "--prompt",
               "the letter K, dark red on light cyan",
               "-n",
               "1",
               "--steps",
               "6",
               "--init-latents",
               write_tensor(file, "init", "latents", micro / "init.safetensors"),
               "--save-latents",
               (micro / "latents.safetensors").string()};
  args.insert(args.end(), flags.begin(), flags.end());
  return gamut(args);
}

void expect_as_diffusers(const fs::path& model, const std::string& fixture, const Strings& flags,
                         double tolerance = kTolerance) {
  SCOPED_TRACE(fixture);
  const Micro micro;
  const Ran ran = sample(micro, model, fixture, flags);
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  expect_latents(micro / "latents.safetensors",
                 io::SafetensorsFile::open(kFixtures / (fixture + ".safetensors")), tolerance);
}

Strings sized(const std::string& height, const std::string& width, Strings more = {}) {
  more.insert(more.end(), {"--height", height, "--width", width});
  return more;
}

const Strings kGuided{"--guidance", "4.5", "--negative", "the digit 3"};

TEST(dit_golden, stable_diffusion_3_with_and_without_guidance) {
  expect_as_diffusers(kSd3, "sd3_square", {});
  expect_as_diffusers(kSd3, "sd3_square_cfg", kGuided);
  expect_as_diffusers(kSd3, "sd3_square_cfg", sized("16", "16", kGuided));
}

TEST(dit_golden, stable_diffusion_3_in_another_format) {
  expect_as_diffusers(kSd3, "sd3_wide_cfg", sized("16", "24", kGuided));
}

// Without T5 its place is as long, and zero.
TEST(dit_golden, stable_diffusion_3_without_t5) {
  const Micro micro;
  const fs::path model = micro / "model";
  fs::copy(kSd3, model, fs::copy_options::recursive);
  fs::remove_all(model / "text_encoder_3");
  fs::remove_all(model / "tokenizer_3");
  nlohmann::json index = io::read_json(model / "model_index.json");
  index["text_encoder_3"] = index["tokenizer_3"] = {nullptr, nullptr};
  io::write_json(model / "model_index.json", index);
  expect_as_diffusers(model, "sd3_no_t5", kGuided);
  index["text_encoder_3"] = index["tokenizer_3"] = nullptr;
  io::write_json(model / "model_index.json", index);
  expect_as_diffusers(model, "sd3_no_t5", kGuided);
}

// The shift follows the size, guidance is an input.
TEST(dit_golden, flux_in_several_sizes) {
  expect_as_diffusers(kFlux, "flux_square", sized("16", "16", {"--guidance", "3.5"}));
  expect_as_diffusers(kFlux, "flux_wide", sized("16", "24", {"--guidance", "3.5"}));
  expect_as_diffusers(kFlux, "flux_large", sized("32", "48", {"--guidance", "3.5"}));
}

TEST(dit_golden, flux_with_a_negative_prompt) {
  expect_as_diffusers(
      kFlux, "flux_wide_cfg",
      sized("16", "24", {"--guidance", "3.5", "--true-cfg", "2", "--negative", "the digit 3"}));
}

// Evenly spaced levels, and no guidance told.
TEST(dit_golden, flux_schnell) {
  const Micro micro;
  const fs::path model = micro / "model";
  fs::copy(kFlux, model, fs::copy_options::recursive);
  nlohmann::json config = io::read_json(model / "transformer/config.json");
  config["guidance_embeds"] = false;
  io::write_json(model / "transformer/config.json", config);
  nlohmann::json scheduler = io::read_json(model / "scheduler/scheduler_config.json");
  scheduler["use_dynamic_shifting"] = false;
  scheduler["shift"] = 1.0;
  io::write_json(model / "scheduler/scheduler_config.json", scheduler);
  const fs::path weights = model / "transformer/diffusion_pytorch_model.safetensors";
  const io::SafetensorsFile all =
      io::SafetensorsFile::open(kFlux / "transformer/diffusion_pytorch_model.safetensors");
  std::vector<io::TensorToSave> kept;
  for (const io::TensorEntry& entry : all.entries())
    if (entry.name.find("guidance_embedder") == std::string::npos)
      kept.push_back({entry.name, entry.dtype, entry.shape, all.bytes(entry)});
  io::save_safetensors(weights, kept, all.metadata());
  expect_as_diffusers(model, "flux_schnell", sized("16", "16"));
}

struct Weights {
  std::string part, stem;
};
const std::vector<Weights> kSd3Weights{{"transformer", "diffusion_pytorch_model"},
                                       {"vae", "diffusion_pytorch_model"},
                                       {"text_encoder", "model"},
                                       {"text_encoder_2", "model"},
                                       {"text_encoder_3", "model"}};

TEST(dit_golden, shards_with_an_index_are_joined) {
  const Micro micro;
  const fs::path model = micro / "model";
  fs::copy(kSd3, model, fs::copy_options::recursive);
  for (const Weights& one : kSd3Weights) split_into_shards(model / one.part, one.stem);
  expect_as_diffusers(model, "sd3_square_cfg", kGuided);

  const fs::path lost = model / "transformer" / shard_name("diffusion_pytorch_model", 1);
  fs::remove(lost);
  const Ran ran = sample(micro, model, "sd3_square_cfg", kGuided);
  EXPECT_EQ(ran.code, 4);
  EXPECT_EQ(ran.err, "error: [model] file '" + lost.string() + "', which '" +
                         (model / "transformer/diffusion_pytorch_model.safetensors.index.json").string() +
                         "' names, does not exist; is the model folder complete?\n");
}

// Eleven bits of mantissa in every weight.
TEST(dit_golden, variants_of_half_precision_are_found) {
  const Micro micro;
  const fs::path model = micro / "model";
  fs::copy(kSd3, model, fs::copy_options::recursive);
  for (const Weights& one : kSd3Weights) rewrite_as_half(model / one.part, one.stem, one.stem + ".fp16");
  Strings asked = kGuided;
  asked.insert(asked.end(), {"--variant", "fp16"});
  expect_as_diffusers(model, "sd3_square_cfg", kGuided);
  expect_as_diffusers(model, "sd3_square_cfg", asked, 0.02);
  for (const Weights& one : kSd3Weights) fs::remove(model / one.part / (one.stem + ".safetensors"));
  expect_as_diffusers(model, "sd3_square_cfg", kGuided, 0.02);
}

TEST(dit_golden, bf16_stays_near) {
  expect_as_diffusers(kSd3, "sd3_square", {"--dtype", "bf16"}, 0.08);
  expect_as_diffusers(kFlux, "flux_square", sized("16", "16", {"--guidance", "3.5", "--dtype", "bf16"}),
                      0.08);
}

}  // namespace dit_golden_test
}  // namespace gamut::testing
