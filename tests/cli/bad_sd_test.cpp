// SPDX-License-Identifier: Apache-2.0
// What a Stable Diffusion folder or a request for pictures of it can have wrong: one line, nothing written.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

namespace gamut::testing {
namespace bad_sd_test {

const fs::path kTinySd = kFixtures / "tiny_sd";
const std::string kVae = "vae/diffusion_pytorch_model.safetensors";

struct Refusal {
  int code;
  std::string message;  // may use MODEL for the folder's path
  std::vector<std::string> flags = {};
};

void expect_refused(const std::function<void(const fs::path&)>& spoil, Refusal refusal) {
  const Micro micro;
  const fs::path model = micro / "model", out = micro / "latents.safetensors";
  fs::copy(kTinySd, model, fs::copy_options::recursive);
  if (spoil) spoil(model);
  std::vector<std::string> args{"sample",  "--model", model.string(),   "--prompt",  "x", "-n", "2",
                                "--steps", "2",       "--save-latents", out.string()};
  for (std::string flag : refusal.flags) {
    if (const size_t at = flag.find("MODEL"); at != std::string::npos) flag.replace(at, 5, model.string());
    args.push_back(flag);
  }
  std::string& message = refusal.message;
  for (size_t at = message.find("MODEL"); at != std::string::npos; at = message.find("MODEL"))
    message.replace(at, 5, model.string());
  const Ran ran = gamut(args);
  EXPECT_EQ(ran.code, refusal.code) << message;
  EXPECT_EQ(ran.err, "error: " + message + "\n");
  EXPECT_FALSE(fs::exists(out));
}

TEST(bad_sd, pipelines_of_other_classes_are_named) {
  expect_refused(
      [](const fs::path& m) {
        edit(m / "model_index.json", "\"StableDiffusionPipeline\"", "\"StableDiffusionXLPipeline\"");
      },
      {.code = 3,
       .message =
           "[MODEL/model_index.json] a pipeline of this class is not supported; got "
           "\"StableDiffusionXLPipeline\"; expected StableDiffusionPipeline (Stable Diffusion 1.x and 2.x, "
           "gamut's own bases), StableDiffusion3Pipeline (Stable Diffusion 3 and 3.5), FluxPipeline "
           "(FLUX.1)"});
}

TEST(bad_sd, inpainting_models_are_refused_by_their_channels) {
  expect_refused(
      [](const fs::path& m) {
        edit(m / "vae/config.json", "\"latent_channels\": 4", "\"latent_channels\": 3");
      },
      {.code = 3,
       .message = "[vae] tensor 'encoder.conv_out.weight' has the wrong shape; got [8, 8, 3, 3]; expected "
                  "[6, 8, 3, 3]; are config.json and the weights from the same model?"});
}

TEST(bad_sd, vae_options_that_are_not_computed_are_named) {
  expect_refused([](const fs::path& m) { edit(m / "vae/config.json", "\"silu\"", "\"gelu\""); },
                 {.code = 3,
                  .message = "[MODEL/vae/config.json] option 'act_fn' has a value that is not supported; got "
                             "\"gelu\"; expected \"silu\", the only one supported"});
}

TEST(bad_sd, schedulers_that_are_not_sampled_are_named) {
  expect_refused(
      [](const fs::path& m) {
        edit(m / "scheduler/scheduler_config.json", "PNDMScheduler", "UniPCMultistepScheduler");
      },
      {.code = 3,
       .message = "[model] the model's own sampler is not computed; got UniPCMultistepScheduler; use "
                  "--sampler ddim, "
                  "which steps on the same noise table",
       .flags = {"--sampler", "ode"}});
  expect_refused({}, {.code = 3,
                      .message = "[model] only a flow-matching scheduler has noise levels from 1 to 0; got "
                                 "PNDMScheduler; expected FlowMatchEulerDiscreteScheduler",
                      .flags = {"--sampler", "flow_sde"}});
}

TEST(bad_sd, numbers_that_are_not_finite_are_refused) {
  expect_refused(
      [](const fs::path& m) {
        fill_tensors(m / kVae, "decoder.conv_in.bias", std::numeric_limits<float>::infinity());
      },
      {.code = 3,
       .message = "[vae] tensor 'decoder.conv_in.bias' must hold finite numbers; got 8 of 8 NaN or infinite; "
                  "the file "
                  "is damaged"});
}

TEST(bad_sd, pickled_vaes_are_refused) {
  expect_refused(
      [](const fs::path& m) { fs::rename(m / kVae, m / "vae/diffusion_pytorch_model.bin"); },
      {.code = 4,
       .message = "[model] file 'MODEL/" + kVae +
                  "' does not exist; pickled weights (.bin) are never read: convert them with diffusers, "
                  "DiffusionPipeline.from_pretrained(OLD).save_pretrained(NEW)"});
}

TEST(bad_sd, sizes_that_the_vae_cannot_make_are_refused) {
  expect_refused(
      {}, {.code = 2,
           .message = "[model] a picture's height must be a multiple of 2, the model's pixels per latent "
                      "pixel; got 17; the nearest is 18",
           .flags = {"--height", "17"}});
}

TEST(bad_sd, requests_that_do_not_fit_are_refused) {
  expect_refused({}, {.code = 2,
                      .message = "[usage] --eta belongs to --sampler ddim; got --sampler euler",
                      .flags = {"--sampler", "euler", "--eta", "1"}});
  expect_refused(
      {}, {.code = 4,
           .message = "[device] the CPU computes in fp32 and bf16; got dtype 'fp16'; use 'bf16', or device "
                      "'cuda'",
           .flags = {"--dtype", "fp16"}});
  expect_refused(
      [](const fs::path& m) {
        const std::vector<float> noise(2 * 1 * 4 * 8 * 8);
        io::save_safetensors(m / "noise.safetensors",
                             {{"noise", io::Dtype::kF32, {2, 1, 4, 8, 8}, std::as_bytes(std::span(noise))}});
      },
      {.code = 3,
       .message = "[sample] 'noise' of MODEL/noise.safetensors has the wrong shape; got [2, 1, 4, 8, 8]; "
                  "expected [2, 2, 4, 8, 8] = steps, prompts x n, then the model's latent",
       .flags = {"--sampler", "ddim", "--eta", "1", "--step-noise", "MODEL/noise.safetensors"}});
}

}  // namespace bad_sd_test
}  // namespace gamut::testing
