// SPDX-License-Identifier: Apache-2.0
// The parts of an iteration, each on the shipped base at the recipe's batch of 64 pictures.
//   build/bench_gamut --benchmark_filter=unet        (from the project's folder)
#include "gamut/diffusion/rollout.h"
#include "gamut/diffusion/step.h"
#include "gamut/models/pipeline.h"
#include "gamut/rewards/reward.h"
#include "gamut/tasks/tasks.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <benchmark/benchmark.h>

namespace {

using namespace gamut;

constexpr int64_t kBatch = 64;

struct Base {
  models::Pipeline pipe = models::Pipeline::open("models/glyphs", {});
  models::Conditioning cond = pipe.encode({"the digit 7"}).repeat(kBatch);
  at::Tensor x = at::randn({kBatch, 12, 16, 16});
};

void unet_forward(benchmark::State& state) {
  const Base base;
  at::NoGradGuard no_grad;
  for (auto _ : state) benchmark::DoNotOptimize(base.pipe.predict(base.x, 500.0, base.cond));
}

void unet_forward_backward(benchmark::State& state) {
  Base base;
  base.pipe.denoiser_params().require_grad(true);
  for (auto _ : state) {
    base.pipe.predict(base.x, 500.0, base.cond).square().mean().backward();
    for (const nn::NamedTensor& param : base.pipe.denoiser_params().params())
      param.tensor.mutable_grad().reset();
  }
}

// Mean, noise from the named streams, next latent and log-probability.
void sde_step(benchmark::State& state) {
  at::NoGradGuard no_grad;
  const std::vector<diffusion::Step> schedule = diffusion::make_schedule({});
  const at::Tensor x = at::randn({kBatch, 12, 16, 16}), v = at::randn({kBatch, 12, 16, 16});
  std::vector<diffusion::SampleKey> keys;
  for (int64_t b = 0; b < kBatch; ++b) keys.push_back({.epoch = 0, .prompt = 0, .member = b});
  for (auto _ : state) {
    const at::Tensor mean = diffusion::step_mean(schedule[3], x, v);
    const at::Tensor next =
        at::add(mean, diffusion::step_noise({.seed = 1}, keys, {12, 16, 16}, 3), schedule[3].noise_std);
    benchmark::DoNotOptimize(diffusion::step_log_prob(schedule[3], next, mean));
  }
}

void reward(benchmark::State& state, const char* kind) {
  const Base base;
  tasks::register_tasks();
  const auto scorer = rewards::make_reward({.kind = kind, .model = "models/glyphs-reader"});
  const std::vector<text::Prompt> prompts(size_t(kBatch),
                                          {.text = "the digit 7", .target = "7", .attributes = {}});
  const at::Tensor pictures = at::rand({kBatch, 3, 32, 32});
  for (auto _ : state) benchmark::DoNotOptimize(scorer->score(pictures, prompts));
}

BENCHMARK(unet_forward)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(unet_forward_backward)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(sde_step)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(reward, reader, "reader")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(reward, ocr, "ocr")->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
