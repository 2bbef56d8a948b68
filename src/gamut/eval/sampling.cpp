// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/sampling.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

namespace gamut::eval {
namespace {

std::vector<diffusion::SampleKey> sample_keys(int64_t begin, int64_t end, int64_t members) {
  std::vector<diffusion::SampleKey> keys;
  for (int64_t row = begin; row < end; ++row)
    keys.push_back({.epoch = 0, .prompt = row / members, .member = row % members});
  return keys;
}

}  // namespace

diffusion::NoiseProcess noise_process(const models::Pipeline& pipe) {
  return {pipe.scheduler(), pipe.latent_shape()};
}

EncodedPrompts encode_prompts(const models::Pipeline& pipe, const std::vector<std::string>& prompts,
                              const std::string& negative) {
  return {.prompts = pipe.encode(prompts), .negative = pipe.encode({negative})};
}

void PredictionNorms::add(int64_t step, const at::Tensor& prediction) {
  if (size_t(step) >= norms_.size()) norms_.resize(size_t(step) + 1);
  norms_[size_t(step)].push_back(prediction.to(at::kFloat).flatten(1).norm(2, 1, false));
}

at::Tensor PredictionNorms::all() const {
  std::vector<at::Tensor> steps;
  for (const std::vector<at::Tensor>& parts : norms_) steps.push_back(at::cat(parts));
  return at::stack(steps).to(at::kCPU);
}

at::Tensor sampling_noise(const models::Pipeline& pipe, int64_t prompts, const SamplingOptions& options) {
  return diffusion::initial_noise(options.noise, sample_keys(0, prompts * options.members, options.members),
                                  pipe.latent_shape());
}

at::Tensor sample_latents(const models::Pipeline& pipe, const EncodedPrompts& encoded,
                          const at::Tensor& initial, const SamplingOptions& options) {
  at::NoGradGuard no_grad;
  const at::Device device = pipe.options().device;
  const models::Conditioning cond = encoded.prompts.repeat(options.members);
  const double start = options.schedule.front().start_scale;
  const int64_t end = options.last < 0 ? initial.size(0) : options.last;
  std::vector<at::Tensor> finals;
  for (int64_t begin = options.first; begin < end; begin += options.micro_batch) {
    const int64_t count = std::min(options.micro_batch, end - begin);
    const models::Conditioning rows = cond.rows(begin, count);
    const std::vector<diffusion::SampleKey> keys = sample_keys(begin, begin + count, options.members);
    const diffusion::Trajectories drawn = diffusion::rollout(
        options.schedule, (initial.narrow(0, begin, count) * start).to(device),
        [&](const at::Tensor& x, const diffusion::Step& step) {
          const at::Tensor prediction =
              models::predict_guided(pipe, x, step.model_time, rows, encoded.negative, options.guidance);
          if (options.norms) options.norms->add(step.index, prediction);
          return prediction;
        },
        [&](int64_t step) {
          if (options.step_noise.defined()) return options.step_noise[step].narrow(0, begin, count);
          return diffusion::step_noise(options.noise, keys, pipe.latent_shape(), step);
        },
        {.keep_latents = false, .decode_clean = options.decode_clean});
    finals.push_back(drawn.final_BCHW);
  }
  return at::cat(finals).contiguous();
}

}  // namespace gamut::eval
