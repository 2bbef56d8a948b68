// SPDX-License-Identifier: Apache-2.0
// `gamut sample` on a Stable Diffusion folder against diffusers' StableDiffusionPipeline; fixtures by
// tests/generators/tiny_sd.py.
#include "cli/golden_latents.h"
#include "cli/run_program.h"
#include "gamut/io/image.h"

namespace gamut::testing {
namespace sd_golden_test {

const fs::path kTinySd = kFixtures / "tiny_sd";

// fp32 sums in another order, relative to the largest latent: random networks drive latents far beyond one.
constexpr double kTolerance = 1e-4;

struct Case {
  std::string name;
  std::vector<std::string> flags;
};

io::SafetensorsFile fixture_of(const Case& c) {
  return io::SafetensorsFile::open(kFixtures / ("sd_" + c.name + ".safetensors"));
}

// The tiny pipeline under the case's scheduler.
fs::path model_for(const Micro& micro, const Case& c) {
  const fs::path model = micro / "model";
  fs::copy(kTinySd, model, fs::copy_options::recursive);
  fs::copy_file(kFixtures / ("sd_" + c.name + ".scheduler.json"), model / "scheduler/scheduler_config.json",
                fs::copy_options::overwrite_existing);
  return model;
}

Ran sample(const Micro& micro, const fs::path& model, const Case& c) {
  const io::SafetensorsFile fixture = fixture_of(c);
  std::vector<std::string> args{"sample",
                                "--model",
                                model.string(),
                                "--prompt",
                                "the digit 7",
                                "--prompt",
                                "the letter K, dark red on light cyan",
                                "-n",
                                "2",
                                "--steps",
                                "5",
                                "--init-latents",
                                write_tensor(fixture, "init", "latents", micro / "init.safetensors"),
                                "--save-latents",
                                (micro / "latents.safetensors").string(),
                                "--save-images",
                                (micro / "images").string()};
  if (fixture.find("noise") != nullptr) {
    args.push_back("--step-noise");
    args.push_back(write_tensor(fixture, "noise", "noise", micro / "noise.safetensors"));
  }
  args.insert(args.end(), c.flags.begin(), c.flags.end());
  return gamut(args);
}

// Eight bits, so one step where rounding falls otherwise.
void expect_pictures(const Micro& micro, const io::SafetensorsFile& fixture, int tolerance) {
  const io::TensorEntry& entry = fixture.at("pixels");
  const std::span<const std::byte> expected = fixture.bytes(entry);
  const size_t size = expected.size() / size_t(entry.shape[0]);
  for (int64_t i = 0; i < entry.shape[0]; ++i) {
    const io::Image image = io::load_png(micro / "images" / cat("prompt", i / 2, "_", i % 2, ".png"));
    ASSERT_EQ(image.width, entry.shape[2]);
    ASSERT_EQ(image.height, entry.shape[1]);
    int worst = 0;
    for (size_t p = 0; p < size; ++p)
      worst = std::max(worst, std::abs(int(image.pixels[p]) - int(expected[size_t(i) * size + p])));
    EXPECT_LE(worst, tolerance) << "picture " << i;
  }
}

void expect_as_diffusers(const Case& c) {
  SCOPED_TRACE(c.name);
  const Micro micro;
  const Ran ran = sample(micro, model_for(micro, c), c);
  ASSERT_EQ(ran.code, 0) << ran.err;
  expect_latents(micro / "latents.safetensors", fixture_of(c), kTolerance);
  expect_pictures(micro, fixture_of(c), 1);
}

std::vector<std::string> guided(std::vector<std::string> more) {
  more.insert(more.end(), {"--guidance", "5", "--negative", "the digit 3"});
  return more;
}

TEST(sd_golden, ddim_is_stable_diffusion_pipeline) {
  expect_as_diffusers({.name = "ddim", .flags = guided({"--sampler", "ddim"})});
  expect_as_diffusers({.name = "ddim", .flags = guided({})});  // the folder's own scheduler
}

TEST(sd_golden, ddim_with_injected_noise) {
  expect_as_diffusers({.name = "ddim_eta1", .flags = guided({"--sampler", "ddim", "--eta", "1"})});
}

TEST(sd_golden, v_prediction_trailing_and_a_last_step_to_one) {
  expect_as_diffusers({.name = "ddim_v", .flags = guided({"--sampler", "ddim", "--eta", "1"})});
}

TEST(sd_golden, euler_from_both_kinds_of_start) {
  expect_as_diffusers({.name = "euler", .flags = guided({"--sampler", "euler"})});
  expect_as_diffusers({.name = "euler", .flags = guided({})});
  expect_as_diffusers({.name = "euler_leading_v", .flags = guided({"--sampler", "euler"})});
}

TEST(sd_golden, another_size_without_guidance) {
  expect_as_diffusers(
      {.name = "wide_unguided", .flags = {"--sampler", "ddim", "--height", "24", "--width", "24"}});
}

TEST(sd_golden, micro_batches_and_slices_change_nothing) {
  expect_as_diffusers(
      {.name = "ddim_eta1", .flags = guided({"--sampler", "ddim", "--eta", "1", "--batch", "3"})});
}

// bf16 has eight bits of mantissa; the pictures stay the same to the eye.
TEST(sd_golden, bf16_stays_near) {
  const Case c{.name = "wide_unguided",
               .flags = {"--sampler", "ddim", "--height", "24", "--width", "24", "--dtype", "bf16"}};
  const Micro micro;
  const Ran ran = sample(micro, model_for(micro, c), c);
  ASSERT_EQ(ran.code, 0) << ran.err;
  expect_latents(micro / "latents.safetensors", fixture_of(c), 0.05);
}

const std::pair<std::string, std::string> kWeights[] = {
    {"unet", "diffusion_pytorch_model"}, {"vae", "diffusion_pytorch_model"}, {"text_encoder", "model"}};

TEST(sd_golden, variants_of_half_precision_are_found) {
  const Case c{.name = "ddim_v", .flags = guided({"--sampler", "ddim", "--eta", "1"})};
  const Micro micro;
  const fs::path model = model_for(micro, c);
  for (const auto& [part, stem] : kWeights) {
    rewrite_as_half(model / part, stem, stem + ".fp16");
    if (part != "vae") fs::remove(model / part / (stem + ".safetensors"));
  }
  Case asked = c;
  asked.flags.insert(asked.flags.end(), {"--variant", "fp16"});
  for (const Case& each : {c, asked}) {
    const Ran ran = sample(micro, model, each);
    ASSERT_EQ(ran.code, 0) << ran.err;
    expect_latents(micro / "latents.safetensors", fixture_of(c), 0.02);
  }
}

TEST(sd_golden, shards_are_joined) {
  const Case c{.name = "ddim", .flags = guided({"--sampler", "ddim"})};
  const Micro micro;
  const fs::path model = model_for(micro, c), unet = model / "unet";
  split_into_shards(unet, "diffusion_pytorch_model");
  const Ran ran = sample(micro, model, c);
  ASSERT_EQ(ran.code, 0) << ran.err;
  expect_latents(micro / "latents.safetensors", fixture_of(c), kTolerance);

  fs::remove(unet / "diffusion_pytorch_model-00002-of-00002.safetensors");
  const Ran incomplete = sample(micro, model, c);
  EXPECT_EQ(incomplete.code, 4);
  EXPECT_EQ(incomplete.err,
            "error: [model] file '" + (unet / "diffusion_pytorch_model-00002-of-00002.safetensors").string() +
                "', which '" + (unet / "diffusion_pytorch_model.safetensors.index.json").string() +
                "' names, does not exist; is the model folder complete?\n");
}

}  // namespace sd_golden_test
}  // namespace gamut::testing
