// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/noise_process.h"

#include "gamut/core/error.h"
#include "gamut/diffusion/ddim.h"
#include "gamut/diffusion/per_sample.h"

#include <ATen/ATen.h>

#include <utility>

namespace gamut::diffusion {
namespace {

// FLUX's shift exponent grows linearly with the number of packed 2x2 latent tokens.
double dynamic_mu(const models::SchedulerConfig& config, const std::vector<int64_t>& shape) {
  GAMUT_CHECK(shape.size() == 3, "a dynamic shift needs the latent's sides");
  const int64_t tokens = (shape[1] / 2) * (shape[2] / 2);
  const double slope =
      (config.max_shift - config.base_shift) / double(config.max_image_seq_len - config.base_image_seq_len);
  return config.base_shift + slope * double(tokens - config.base_image_seq_len);
}

void need_table(const models::SchedulerConfig& config) {
  if (config.is_flow())
    throw DataError("model", cat("DDIM samples diffusion models; got ", config.class_name,
                                 "; expected a scheduler with betas, such as DDIMScheduler"));
}

// EulerDiscreteScheduler's own spacing; it never clips.
AlphaTableConfig euler_table(const models::SchedulerConfig& config) {
  need_table(config);
  AlphaTableConfig table = own_table(config);
  table.spacing = config.own_timestep_spacing;
  table.clip = 0;
  if (table.zero_snr)
    throw DataError("model",
                    "Euler steps on zero-SNR betas are not computed; got rescale_betas_zero_snr = true; use "
                    "--sampler ddim");
  return table;
}

}  // namespace

AlphaTableConfig own_table(const models::SchedulerConfig& config) {
  if (config.is_flow()) return AlphaTableConfig{}.resolved();
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

void check_fits(const SamplerConfig& sampler, const models::SchedulerConfig& scheduler) {
  const bool ddim = sampler.kind == "ddim";
  if (ddim == scheduler.is_flow())
    throw ConfigError(
        "sampler",
        cat("sampler.kind = \"", sampler.kind, "\" does not fit the model's ", scheduler.class_name, "; use ",
            ddim ? "flow_sde, dance_sde or cps" : "ddim (and grid keys do not apply)"));
  if (!ddim) return;
  const AlphaTableConfig own = own_table(scheduler), given = sampler.alphas.filled_from(own);
  const bool other_betas = given.beta_start != own.beta_start || given.beta_end != own.beta_end ||
                           given.beta_schedule != own.beta_schedule;
  // Given betas stand in place of the three keys.
  if ((other_betas && own.betas.empty()) || given.prediction != own.prediction ||
      given.train_timesteps != own.train_timesteps)
    throw ConfigError("sampler",
                      cat("sampler.beta_start, beta_end, beta_schedule, prediction and train_timesteps must "
                          "be the model's: ",
                          own.beta_start, ", ", own.beta_end, ", ", own.beta_schedule, ", ", own.prediction,
                          ", ", own.train_timesteps));
}

NoiseProcess::NoiseProcess(models::SchedulerConfig scheduler, std::vector<int64_t> latent_shape,
                           SamplerConfig sampler)
    : scheduler_(std::move(scheduler)), latent_shape_(std::move(latent_shape)), sampler_(std::move(sampler)) {
  const AlphaTableConfig own = own_table(scheduler_);
  sampler_.alphas = sampler_.alphas.filled_from(own);
  // No key names these.
  sampler_.alphas.betas = own.betas;
  sampler_.alphas.zero_snr = own.zero_snr;
  sampler_.alphas.clip = own.clip;
}

NoiseProcess::NoiseProcess(models::SchedulerConfig scheduler, std::vector<int64_t> latent_shape)
    : NoiseProcess(std::move(scheduler), std::move(latent_shape), SamplerConfig()) {}

SigmaGrid NoiseProcess::own_grid(int64_t steps) const {
  if (scheduler_.use_dynamic_shifting)
    return {.kind = "flux_dynamic", .steps = steps, .mu = dynamic_mu(scheduler_, latent_shape_)};
  return {.kind = scheduler_.even_levels ? "linspace_shift" : "sd3_diffusers",
          .steps = steps,
          .shift = scheduler_.shift};
}

std::vector<double> NoiseProcess::sigmas(int64_t steps) const {
  if (!is_flow())
    throw DataError("model", cat("only a flow-matching scheduler has noise levels from 1 to 0; got ",
                                 scheduler_.class_name, "; expected FlowMatchEulerDiscreteScheduler"));
  return make_sigmas(own_grid(steps));
}

// The recipe's grid. "model" is the scheduler's: a static shift may be the recipe's, as Flow-GRPO's 3, but
// one that follows the size, or levels that the family spaces by itself, take none but a mu.
std::vector<double> NoiseProcess::rollout_sigmas() const {
  SigmaGrid grid = sampler_.sigma_grid();
  if (!is_flow()) return make_sigmas(grid);
  const bool fixed = !scheduler_.use_dynamic_shifting && !scheduler_.even_levels;
  if (sampler_.grid == "model" && (!fixed || sampler_.shift == 0)) {
    grid = own_grid(sampler_.steps);
    if (sampler_.mu != 0) grid.mu = sampler_.mu;
  } else if (grid.kind == "flux_dynamic" && sampler_.mu == 0 && scheduler_.use_dynamic_shifting) {
    grid.mu = dynamic_mu(scheduler_, latent_shape_);
  }
  return make_sigmas(grid);
}

std::vector<Step> NoiseProcess::steps() const {
  return sampler_.kind == "ddim" ? make_schedule(sampler_) : make_schedule(sampler_, rollout_sigmas());
}

std::vector<Step> NoiseProcess::iteration(uint64_t seed, int64_t iteration) const {
  return iteration_schedule(sampler_, sampler_.kind == "ddim" ? std::vector<double>() : rollout_sigmas(),
                            seed, iteration);
}

std::vector<Step> NoiseProcess::ddim(int64_t steps, double eta) const {
  need_table(scheduler_);
  return ddim_schedule(own_table(scheduler_), steps, eta);
}

std::vector<Step> NoiseProcess::euler(int64_t steps) const {
  return is_flow() ? ode_schedule(sigmas(steps)) : euler_schedule(euler_table(scheduler_), steps);
}

std::vector<Step> NoiseProcess::deterministic(int64_t steps) const {
  const bool by_euler =
      scheduler_.class_name == "EulerDiscreteScheduler" && !scheduler_.rescale_betas_zero_snr;
  return is_flow() || (by_euler && scheduler_.own_problem.empty()) ? euler(steps) : ddim(steps, 0);
}

std::vector<Step> NoiseProcess::own(int64_t steps) const {
  if (!scheduler_.own_problem.empty())
    throw DataError("model", cat("the model's own sampler is not computed; got ", scheduler_.own_problem,
                                 "; use --sampler ddim, which steps on the same noise table"));
  return deterministic(steps);
}

Mix<at::Tensor> NoiseProcess::mix(const at::Tensor& time, int64_t rank) const {
  if (is_flow()) return flow_mix(per_sample(time, rank));
  const at::Tensor table =
      at::tensor(alpha_bars(sampler_.alphas), at::kDouble).to(at::kFloat).to(time.device());
  return table_mix(per_sample(table.index_select(0, time), rank));
}

at::Tensor NoiseProcess::add_noise(const at::Tensor& clean, const at::Tensor& noise,
                                   const at::Tensor& time) const {
  const Mix<at::Tensor> x = mix(time, clean.dim());
  return x.clean * clean + x.noise * noise;
}

at::Tensor NoiseProcess::target(const at::Tensor& clean, const at::Tensor& noise,
                                const at::Tensor& time) const {
  const std::string prediction = is_flow() ? "velocity" : sampler_.alphas.prediction;
  const Mix<at::Tensor> target = target_mix(prediction, mix(time, clean.dim()));
  return target.clean * clean + target.noise * noise;
}

at::Tensor NoiseProcess::model_time(const at::Tensor& time) const {
  return is_flow() ? time * kFlowModelTime : time.to(at::kFloat);
}

}  // namespace gamut::diffusion
