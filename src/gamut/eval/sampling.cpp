// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/sampling.h"

#include "gamut/core/error.h"
#include "gamut/diffusion/ddim.h"
#include "gamut/models/guidance.h"

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

// FLUX's shift exponent grows linearly with the number of packed 2x2 latent tokens.
double dynamic_mu(const models::SchedulerConfig& config, const std::vector<int64_t>& shape_CHW) {
  const double tokens = double(shape_CHW[1] / 2) * double(shape_CHW[2] / 2);
  const double slope =
      (config.max_shift - config.base_shift) / double(config.max_image_seq_len - config.base_image_seq_len);
  return config.base_shift + slope * (tokens - double(config.base_image_seq_len));
}

diffusion::AlphaTableConfig table_of(const models::SchedulerConfig& config) {
  if (config.is_flow())
    throw DataError("model", cat("DDIM samples diffusion models; got ", config.class_name,
                                 "; expected a scheduler with betas, such as DDIMScheduler"));
  return {.spacing = config.timestep_spacing,
          .steps_offset = config.steps_offset,
          .beta_schedule = config.beta_schedule,
          .beta_start = config.beta_start,
          .beta_end = config.beta_end,
          .prediction = config.prediction_type,
          .train_timesteps = config.num_train_timesteps,
          .final_alpha = config.set_alpha_to_one ? "one" : "table",
          .betas = config.trained_betas,
          .zero_snr = config.rescale_betas_zero_snr,
          .clip = config.clip_sample ? config.clip_sample_range : 0};
}

// EulerDiscreteScheduler's own spacing; it never clips.
diffusion::AlphaTableConfig euler_table_of(const models::SchedulerConfig& config) {
  diffusion::AlphaTableConfig table = table_of(config);
  table.spacing = config.own_timestep_spacing;
  table.clip = 0;
  if (table.zero_snr)
    throw DataError("model", "Euler steps on zero-SNR betas are not computed; got rescale_betas_zero_snr = true; use "
                             "--sampler ddim");
  return table;
}

}  // namespace

std::vector<double> scheduler_sigmas(const models::Pipeline& pipe, int64_t steps) {
  const models::SchedulerConfig& config = pipe.scheduler();
  if (!config.is_flow())
    throw DataError("model", cat("only a flow-matching scheduler has noise levels from 1 to 0; got ",
                                 config.class_name, "; expected FlowMatchEulerDiscreteScheduler"));
  if (config.use_dynamic_shifting)
    return diffusion::make_sigmas(
        {.kind = "flux_dynamic", .steps = steps, .mu = dynamic_mu(config, pipe.latent_shape())});
  return diffusion::make_sigmas({.kind = "sd3_diffusers", .steps = steps, .shift = config.shift});
}

std::vector<diffusion::Step> ddim_schedule(const models::Pipeline& pipe, int64_t steps, double eta) {
  return diffusion::ddim_schedule(table_of(pipe.scheduler()), steps, eta);
}

std::vector<diffusion::Step> euler_schedule(const models::Pipeline& pipe, int64_t steps) {
  if (pipe.scheduler().is_flow()) return diffusion::ode_schedule(scheduler_sigmas(pipe, steps));
  return diffusion::euler_schedule(euler_table_of(pipe.scheduler()), steps);
}

std::vector<diffusion::Step> deterministic_schedule(const models::Pipeline& pipe, int64_t steps) {
  const models::SchedulerConfig& config = pipe.scheduler();
  const bool euler = config.class_name == "EulerDiscreteScheduler" && !config.rescale_betas_zero_snr;
  return config.is_flow() || (euler && config.own_problem.empty()) ? euler_schedule(pipe, steps)
                                                                   : ddim_schedule(pipe, steps, 0);
}

std::vector<diffusion::Step> own_schedule(const models::Pipeline& pipe, int64_t steps) {
  const std::string& problem = pipe.scheduler().own_problem;
  if (!problem.empty())
    throw DataError("model", cat("the model's own sampler is not computed; got ", problem,
                                 "; use --sampler ddim, which steps on the same noise table"));
  return deterministic_schedule(pipe, steps);
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

at::Tensor sample_latents(const models::Pipeline& pipe, const std::vector<std::string>& prompts,
                          const at::Tensor& initial, const SamplingOptions& options) {
  at::NoGradGuard no_grad;
  const at::Device device = pipe.options().device;
  const models::Conditioning cond = pipe.encode(prompts).repeat(options.members);
  const models::Conditioning unconditional = pipe.encode({options.negative});
  const double start = options.schedule.front().start_scale;
  const int64_t total = initial.size(0);
  std::vector<at::Tensor> finals;
  for (int64_t begin = 0; begin < total; begin += options.micro_batch) {
    const int64_t count = std::min(options.micro_batch, total - begin);
    const models::Conditioning rows = cond.rows(begin, count);
    const std::vector<diffusion::SampleKey> keys = sample_keys(begin, begin + count, options.members);
    const diffusion::Trajectories drawn = diffusion::rollout(
        options.schedule, (initial.narrow(0, begin, count) * start).to(device),
        [&](const at::Tensor& x, const diffusion::Step& step) {
          const at::Tensor prediction =
              models::predict_guided(pipe, x, step.model_time, rows, unconditional, options.guidance_scale);
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
