// SPDX-License-Identifier: Apache-2.0
// What int8 and bf16 cost a model in exactness: the error of its predictions and of pictures drawn from the
// same noise, against fp32 on the CPU.
//
//   bench_int8 models/glyphs models/sd3-tiny --prompt "the digit 7" --seed 1
//
// A line per model and way to hold it: linear layers in int8 with the rest in fp32, the same with the rest in
// bf16, and all in bf16. Predictions: norm of the difference over norm, of 64 noisy latents at three times.
// Pictures: 64, 20 steps of the model's own scheduler; root of the mean squared difference, in 255ths.
#include "gamut/core/error.h"
#include "gamut/eval/sampling.h"
#include "gamut/models/guidance.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <vector>

namespace {

using namespace gamut;

constexpr int64_t kPictures = 64, kSteps = 20;
const std::vector<double> kTimes{100, 500, 900};

struct Drawn {
  std::vector<at::Tensor> predictions;  // by time
  at::Tensor pictures;
};

Drawn draw(const models::Pipeline& pipe, const std::string& prompt, uint64_t seed) {
  const at::NoGradGuard no_grad;
  const eval::SamplingOptions options{.schedule = eval::noise_process(pipe).deterministic(kSteps),
                                      .noise = {.seed = seed, .purpose = "int8"},
                                      .members = kPictures,
                                      .micro_batch = 16,
                                      .guidance = {.scale = pipe.takes_guidance() ? 3.5 : 1}};
  const eval::EncodedPrompts encoded = eval::encode_prompts(pipe, {prompt});
  const at::Tensor noise = eval::sampling_noise(pipe, 1, options);
  const models::Conditioning told = encoded.prompts.repeat(kPictures);
  Drawn drawn;
  for (const double time : kTimes)
    drawn.predictions.push_back(
        models::predict_guided(pipe, noise, time, told, encoded.negative, options.guidance));
  drawn.pictures = pipe.decode(eval::sample_latents(pipe, encoded, noise, options));
  return drawn;
}

double relative(const at::Tensor& got, const at::Tensor& exact) {
  return ((got - exact).norm() / exact.norm()).item<double>();
}

struct Asked {
  std::string prompt = "the digit 7";
  uint64_t seed = 1;
  int64_t side = 0;  // of the pictures, in pixels; 0 = the model's own
};

Drawn drawn_by(const std::string& folder, const nn::ParamOptions& options, const Asked& asked, bool prints) {
  models::Pipeline pipe = models::Pipeline::open(folder, options);
  pipe.set_picture_size(asked.side, asked.side);
  const nn::ParamStore& base = pipe.denoiser_params();
  if (prints)
    std::printf(" %.0f %% | %.2f MB |", 100 * double(base.int8_elements()) / double(base.num_elements()),
                double(base.num_bytes()) / 1e6);
  return draw(pipe, asked.prompt, asked.seed);
}

void compare(const std::string& folder, const Asked& asked) {
  const Drawn exact = drawn_by(folder, {}, asked, false);
  const struct {
    const char* name;
    nn::ParamOptions options;
  } ways[] = {{"int8, fp32", {.int8 = true}},
              {"int8, bf16", {.dtype = at::kBFloat16, .int8 = true}},
              {"bf16", {.dtype = at::kBFloat16}}};
  for (const auto& way : ways) {
    std::printf("| `%s` | %s |", folder.c_str(), way.name);
    const Drawn got = drawn_by(folder, way.options, asked, true);
    for (size_t i = 0; i < kTimes.size(); ++i)
      std::printf(" %.2f %% |", 100 * relative(got.predictions[i], exact.predictions[i]));
    const at::Tensor off = got.pictures - exact.pictures;
    std::printf(" %.2f | %.2f %% |\n", 255 * off.square().mean().sqrt().item<double>(),
                100 * off.abs().gt(8.0 / 255).to(at::kFloat).mean().item<double>());
  }
}

}  // namespace

int main(int count, char** words) {
  CLI::App app("errors of int8 and bf16 against fp32");
  std::vector<std::string> folders;
  Asked asked;
  app.add_option("folders", folders, "model folders")->required();
  app.add_option("--prompt", asked.prompt, "for all pictures");
  app.add_option("--seed", asked.seed, "names the noise");
  app.add_option("--side", asked.side, "of the pictures, in pixels (default: the model's)");
  CLI11_PARSE(app, count, words);
  std::printf("| model | held in | int8 | denoiser |");
  for (const double time : kTimes) std::printf(" t = %.0f |", time);
  std::printf(" pictures | pixels off by more than 8 |\n|---|---|--:|--:|--:|--:|--:|--:|--:|\n");
  try {
    for (const std::string& folder : folders) compare(folder, asked);
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
