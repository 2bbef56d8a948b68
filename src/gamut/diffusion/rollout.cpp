// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/rollout.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "gamut/diffusion/step.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

namespace gamut::diffusion {
namespace {

at::Tensor named_normals(const NoiseSource& source, const std::string& what,
                         const std::vector<SampleKey>& keys, const std::vector<int64_t>& shape,
                         int64_t step) {
  std::vector<int64_t> sizes{int64_t(keys.size())};
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  at::Tensor noise = at::empty(sizes, at::kFloat);
  const int64_t row = noise.numel() / std::max<int64_t>(1, int64_t(keys.size()));
  float* data = noise.mutable_data_ptr<float>();
  at::parallel_for(0, int64_t(keys.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const SampleKey& key = keys[size_t(b)];
      Stream stream(source.seed, source.purpose + what, {key.epoch, key.prompt, key.member, step});
      stream.fill_normal({data + b * row, size_t(row)});
    }
  });
  return noise;
}

// Nothing but the network is recorded: the update makes mean and log-probability anew.
at::Tensor predict(const Denoiser& denoiser, const at::Tensor& x, const Step& step,
                   const RolloutOptions& options, std::map<int64_t, at::Tensor>& kept) {
  if (!options.graph_steps.contains(step.index)) return denoiser(x, step);
  at::AutoGradMode recording(true);
  return kept.emplace(step.index, denoiser(x, step)).first->second.detach();
}

}  // namespace

at::Tensor initial_noise(const NoiseSource& source, const std::vector<SampleKey>& keys,
                         const std::vector<int64_t>& shape) {
  return named_normals(source, ".init", keys, shape, 0);
}

at::Tensor step_noise(const NoiseSource& source, const std::vector<SampleKey>& keys,
                      const std::vector<int64_t>& shape, int64_t step) {
  return named_normals(source, ".step", keys, shape, step);
}

std::vector<SampleKey> shared_keys(const std::vector<SampleKey>& keys, const std::string& sharing) {
  if (sharing != "member" && sharing != "group" && sharing != "batch")
    throw ConfigError("sampler",
                      cat("unknown initial_noise '", sharing, "'; expected member, group or batch"));
  std::vector<SampleKey> shared = keys;
  for (SampleKey& key : shared) {
    if (sharing != "member") key.member = -1;
    if (sharing == "batch") key.prompt = -1;
  }
  return shared;
}

Trajectories rollout(const std::vector<Step>& schedule, at::Tensor x, const Denoiser& denoiser,
                     const std::function<at::Tensor(int64_t)>& noise, const RolloutOptions& options) {
  at::NoGradGuard no_grad;
  Trajectories out;
  if (options.keep_latents) out.latents.push_back(x);
  for (const Step& step : schedule) {
    const bool last = step.index + 1 == int64_t(schedule.size());
    const at::Tensor predicted = predict(denoiser, x, step, options, out.predictions);
    const at::Tensor mean = step_mean(step, x, predicted);
    at::Tensor next = mean;
    at::Tensor log_prob;
    if (step.noise_std > 0) {
      next = at::add(mean, noise(step.index).to(mean.device()), step.noise_std);
      if (options.keep_latents) log_prob = step_log_prob(step, next, mean);
    }
    at::Tensor clean;
    if (options.keep_clean || (last && options.decode_clean)) clean = predicted_clean(step, x, predicted);
    if (last) out.final_BCHW = options.decode_clean ? clean : next;
    if (options.keep_means) out.means.push_back(mean);
    if (options.keep_clean) out.clean.push_back(clean);
    x = next;
    if (options.keep_latents) {
      out.latents.push_back(x);
      out.log_probs.push_back(log_prob);
    }
  }
  return out;
}

}  // namespace gamut::diffusion
