// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/commands.h"
#include "gamut/run/lora_argument.h"
#include "gamut/run/model_argument.h"
#include "gamut/run/sample_schedule.h"
#include "gamut/run/stored_run.h"
#include "gamut/cli/number_flag.h"
#include "gamut/core/error.h"
#include "gamut/core/input_files.h"
#include "gamut/core/log.h"
#include "gamut/eval/sampling.h"
#include "gamut/io/image.h"
#include "gamut/models/guidance.h"
#include "gamut/models/pipeline.h"
#include "gamut/nn/device.h"
#include "gamut/nn/images.h"
#include "gamut/train/ema.h"

#include <ATen/ATen.h>
#include <CLI/CLI.hpp>

#include <filesystem>
#include <memory>

namespace gamut::cli {
namespace {

namespace fs = std::filesystem;

struct SampleFlags {
  std::string model = "models/glyphs", variant, weights, out, save_images, init_latents;
  std::string step_noise, save_latents, negative, device = "cpu", dtype = "fp32";
  std::string base_weights = "dtype";
  std::vector<std::string> prompts, loras;
  run::SampleSchedule schedule;
  int64_t count = 8, seed = 0, micro_batch = 64, height = 0, width = 0;
  int64_t max_tokens = 0;
  double guidance = 1, true_cfg = 1;
  bool vae_tiling = false;

  int64_t pictures() const { return int64_t(prompts.size()) * count; }
};

// Tensor `name` of a file, of this shape; `meaning` explains the shape.
at::Tensor read_tensor(const std::string& path, const std::string& name, const std::vector<int64_t>& expected,
                       const std::string& meaning) {
  const nn::TensorMap file = nn::load_safetensors(path);
  const auto found = file.find(name);
  if (found == file.end()) throw DataError("sample", cat(path, " has no tensor '", name, "'"));
  if (found->second.sizes() != at::IntArrayRef(expected))
    throw DataError("sample",
                    cat("'", name, "' of ", path, " has the wrong shape; got ", found->second.sizes(),
                        "; expected ", at::IntArrayRef(expected), " = ", meaning));
  nn::check_weight(found->second, path, name);
  return found->second.to(at::kFloat);
}

std::vector<int64_t> with_latent_shape(std::vector<int64_t> leading, const models::Pipeline& pipe) {
  for (const int64_t size : pipe.latent_shape()) leading.push_back(size);
  return leading;
}

at::Tensor starting_latents(const SampleFlags& flags, const models::Pipeline& pipe,
                            const eval::SamplingOptions& options) {
  if (flags.init_latents.empty()) return eval::sampling_noise(pipe, int64_t(flags.prompts.size()), options);
  return read_tensor(flags.init_latents, "latents", with_latent_shape({flags.pictures()}, pipe),
                     "prompts x n, then the model's latent");
}

at::Tensor step_noise(const SampleFlags& flags, const models::Pipeline& pipe) {
  if (flags.step_noise.empty()) return {};
  return read_tensor(flags.step_noise, "noise",
                     with_latent_shape({flags.schedule.steps, flags.pictures()}, pipe),
                     "steps, prompts x n, then the model's latent");
}

void write_pictures(const SampleFlags& flags, const models::Pipeline& pipe, const at::Tensor& latents) {
  const at::Tensor pictures = pipe.decode(latents.to(pipe.options().device)).to(at::kCPU);
  if (!flags.out.empty()) {
    const io::SheetBlock all{.title = "",
                             .rows = run::sheet_rows(pictures, flags.prompts.size(), flags.count)};
    io::save_png(flags.out, io::contact_sheet({all}, {.row_labels = flags.prompts}));
    log_info(cat("wrote ", flags.out));
  }
  if (flags.save_images.empty()) return;
  const std::vector<io::Image> images = nn::tensor_to_images(pictures);
  fs::create_directories(flags.save_images);
  for (size_t i = 0; i < images.size(); ++i)
    io::save_png(fs::path(flags.save_images) /
                     cat("prompt", int64_t(i) / flags.count, "_", int64_t(i) % flags.count, ".png"),
                 images[i]);
  log_info(cat("wrote ", images.size(), " pictures to ", flags.save_images));
}

void check_guidance(const SampleFlags& flags, const models::Pipeline& pipe) {
  if (!pipe.takes_guidance() && flags.true_cfg != 1)
    throw ConfigError(
        "usage", cat("--true-cfg is for models that take --guidance as an input (FLUX.1-dev); this model's "
                     "--guidance is classifier-free itself; got --true-cfg ",
                     flags.true_cfg));
  models::warn_below_one(flags.guidance, "--guidance");
  const double classifier_free = pipe.takes_guidance() ? flags.true_cfg : flags.guidance;
  if (!flags.negative.empty() && classifier_free == 1)
    log_warning(cat("--negative has no effect without classifier-free guidance; give ",
                    pipe.takes_guidance() ? "--true-cfg" : "--guidance", " a number above 1"));
}

int sample(const SampleFlags& flags) {
  if (flags.out.empty() && flags.save_images.empty() && flags.save_latents.empty())
    throw ConfigError("usage",
                      "nothing to write; give --out SHEET.png, --save-images DIR or --save-latents FILE");
  const run::TunedModel model = run::find_tuned(flags.model);
  nn::ParamOptions options = nn::open_device(flags.device, flags.dtype);
  options.int8 = flags.base_weights == "int8";
  models::Pipeline pipe = models::Pipeline::open_text_first(model.folder, options, flags.variant);
  model.apply(pipe);
  pipe.set_picture_size(flags.height, flags.width);
  if (flags.max_tokens > 0) pipe.set_max_tokens(flags.max_tokens, "--max-tokens");
  check_guidance(flags, pipe);
  pipe.set_coding({.tiling = flags.vae_tiling});
  if (!flags.weights.empty())
    train::copy_weights(pipe.denoiser_params().params(), nn::load_safetensors(flags.weights), "weights");
  run::add_loras(pipe, flags.loras);
  const eval::SamplingOptions sampling{
      .schedule = run::sample_schedule(pipe, flags.schedule),
      .noise = {.seed = uint64_t(flags.seed), .purpose = "sample"},
      .members = flags.count,
      .micro_batch = flags.micro_batch,
      .guidance = {.scale = flags.guidance, .classifier_free = flags.true_cfg},
      .step_noise = step_noise(flags, pipe)};
  const eval::EncodedPrompts prompts = eval::encode_prompts(pipe, flags.prompts, flags.negative);
  pipe.drop_text_encoders();
  const at::Tensor latents =
      eval::sample_latents(pipe, prompts, starting_latents(flags, pipe, sampling), sampling);
  if (!flags.save_latents.empty())
    nn::save_safetensors(flags.save_latents, {{"latents", latents.to(at::kCPU)}});
  if (!flags.out.empty() || !flags.save_images.empty()) write_pictures(flags, pipe, latents);
  return 0;
}

// In the order of --help.
void add_model_flags(CLI::App& command, SampleFlags& flags) {
  command
      .add_option("--model", flags.model,
                  "folder in diffusers' layout, run folder, or ORG/NAME of the Hugging Face cache")
      ->capture_default_str();
  command.add_option("--weights", flags.weights,
                     "denoiser weights to use instead (a checkpoint's .safetensors)");
  command.add_option("--lora", flags.loras, "adapter: FILE or FILE:scale (repeatable)")
      ->allow_extra_args(false);
  command.add_option("--prompt", flags.prompts, "prompt (repeatable)")->required()->allow_extra_args(false);
  command.add_option("-n", flags.count, "pictures per prompt")
      ->check(whole_number(run::kSamplePictures.low, run::kSamplePictures.high))
      ->capture_default_str();
}

void add_schedule_flags(CLI::App& command, SampleFlags& flags) {
  command.add_option("--steps", flags.schedule.steps, "denoising steps")
      ->check(whole_number(run::kSampleSteps.low, run::kSampleSteps.high))
      ->capture_default_str();
  command
      .add_option(
          "--sampler", flags.schedule.sampler,
          "ode (the model's own scheduler, without noise) | flow_sde | ddim | euler (default: ode, or ddim "
          "where gamut lacks the model's own)")
      ->check(CLI::IsMember({"ode", "flow_sde", "ddim", "euler"}));
  command.add_option("--eta", flags.schedule.eta, "noise of ddim, 0 = deterministic, 1 = DDPO")
      ->check(number_between(0.0, 1.0))
      ->capture_default_str();
  command.add_option("--noise-level", flags.schedule.noise_level, "a of flow_sde")
      ->check(number_between(0.0, 10.0))
      ->capture_default_str();
  command.add_option("--grid", flags.schedule.grid, "noise levels (default: the model's scheduler)")
      ->check(CLI::IsMember(diffusion::sigma_grid_kinds()));
  command.add_option("--shift", flags.schedule.shift, "shift of the grid (default: the model's)")
      ->check(number_above(0));
  command.add_option("--seed", flags.seed, "names the noise")->check(whole_number(0))->capture_default_str();
}

void add_guidance_flags(CLI::App& command, SampleFlags& flags) {
  command
      .add_option(
          "--guidance", flags.guidance,
          "classifier-free guidance; 1 = off, 0 = without the prompt (diffusers: 0 = off); told to the "
          "network where that is how it is guided (FLUX.1-dev)")
      ->check(number_between(0.0, run::kMostGuidance))
      ->capture_default_str();
  command
      .add_option("--true-cfg", flags.true_cfg,
                  "classifier-free guidance beside one that is told to the network (FLUX.1-dev); 1 = off")
      ->check(number_between(0.0, run::kMostGuidance))
      ->capture_default_str();
  command
      .add_option("--max-tokens", flags.max_tokens,
                  "tokens that T5 reads of a prompt (default: 256 for Stable Diffusion 3, 512 for FLUX)")
      ->check(whole_number(1, 512));
  command.add_option("--negative", flags.negative, "prompt that guidance leads away from");
}

void add_compute_flags(CLI::App& command, SampleFlags& flags) {
  command.add_option("--height", flags.height, "of the pictures, in pixels (default: the model's)")
      ->check(whole_number(run::kSampleSide.low, run::kSampleSide.high));
  command.add_option("--width", flags.width, "of the pictures, in pixels (default: the model's)")
      ->check(whole_number(run::kSampleSide.low, run::kSampleSide.high));
  command.add_option("--batch", flags.micro_batch, "pictures per forward pass")
      ->check(whole_number(run::kSampleBatch.low, run::kSampleBatch.high))
      ->capture_default_str();
  command.add_option("--device", flags.device, "cpu | cuda")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  command.add_option("--dtype", flags.dtype, "to compute in: fp32 | bf16 | fp16 (cuda)")
      ->check(CLI::IsMember(nn::dtype_names()))
      ->capture_default_str();
  command
      .add_option("--base-weights", flags.base_weights,
                  "int8: linear layers of the denoiser and of T5 held in int8, half the memory of bf16")
      ->check(CLI::IsMember({"dtype", "int8"}))
      ->capture_default_str();
  command.add_option("--variant", flags.variant, "weight files to prefer, such as fp16");
  command.add_flag("--vae-tiling", flags.vae_tiling, "decode large pictures in blended tiles");
}

void add_file_flags(CLI::App& command, SampleFlags& flags) {
  command.add_option("--out", flags.out, "contact sheet, PNG");
  command.add_option("--save-images", flags.save_images, "folder for single pictures");
  command.add_option("--init-latents", flags.init_latents,
                     "safetensors with 'latents' [prompts x n, C, H, W] to start from");
  command.add_option("--step-noise", flags.step_noise,
                     "safetensors with 'noise' [steps, prompts x n, C, H, W] for samplers that add noise");
  command.add_option("--save-latents", flags.save_latents,
                     "safetensors to write: 'latents' [prompts x n, C, H, W] fp32, prompt-major");
}

}  // namespace

void add_sample_command(CLI::App& program, Action& chosen) {
  auto flags = std::make_shared<SampleFlags>();
  CLI::App* command = program.add_subcommand("sample", "pictures and a contact sheet from a model");
  for (const auto add :
       {add_model_flags, add_schedule_flags, add_guidance_flags, add_compute_flags, add_file_flags})
    add(*command, *flags);
  command->callback([flags, &chosen] { chosen = [flags] { return sample(*flags); }; });
}

}  // namespace gamut::cli
