// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/schedule.h"

#include "gamut/core/error.h"
#include "gamut/diffusion/affine.h"
#include "gamut/diffusion/ddim.h"
#include "gamut/diffusion/window.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gamut::diffusion {
namespace {

constexpr double kModelTime = 1000.0;

// ---- flow models: sigma falls from 1 to 0, out is the velocity eps - x0.

Step euler_step(int64_t index, double sigma, double sigma_next, bool truncate) {
  const double dt = sigma_next - sigma, time = kModelTime * sigma;
  return {.index = index,
          .sigma = sigma,
          .sigma_next = sigma_next,
          .dt = dt,
          .a = 1,
          .b = dt,
          .noise_std = 0,
          .clean_x = 1,
          .clean_out = -sigma,
          .model_time = truncate ? std::trunc(time) : time};
}

// The SDE with diffusion coefficient tau that keeps the ODE's marginals:
// next = x + [v + tau^2/(2 sigma) (x + (1 - sigma) v)] dt + tau sqrt(-dt) eps.
Step sde_step(Step step, double tau) {
  const double pull = tau * tau / (2 * step.sigma);
  step.a = 1 + pull * step.dt;
  step.b = (1 + pull * (1 - step.sigma)) * step.dt;
  step.noise_std = tau * std::sqrt(-step.dt);
  return step;
}

// At sigma = 1 the coefficient is infinite; Flow-GRPO takes the next level's denominator there. A one-step
// schedule has that level at 0: tau = a, finite.
double flow_sde_diffusion(const Step& step, double noise_level) {
  const double level = step.sigma == 1 ? step.sigma_next : step.sigma;
  return noise_level * std::sqrt(step.sigma / (1 - level));
}

// Coefficients preserving: fresh noise n replaces part of the predicted one, together they have std
// sigma_next.
Step cps_step(const Step& step, double noise_level, bool normalized) {
  if (step.sigma_next == 0) return step;  // next = clean, which is what Euler's last step is
  const double n = step.sigma_next * std::sin(noise_level * std::numbers::pi / 2);
  const double kept = remaining_std(step.sigma_next * step.sigma_next, n);
  Step out = toward(step, 1 - step.sigma_next, {.x = 1, .out = -step.sigma}, kept,
                    {.x = 1, .out = 1 - step.sigma}, n);
  out.normalized = normalized;
  return out;
}

Step noisy_flow_step(const Step& step, const SamplerConfig& config) {
  if (config.kind == "flow_sde") return sde_step(step, flow_sde_diffusion(step, config.noise_level));
  if (config.kind == "dance_sde") return sde_step(step, config.noise_level);
  return cps_step(step, config.noise_level, config.logprob != "released");
}

// ---- checks

void check_noise(const SamplerConfig& config) {
  if (config.kind == "ddim") {
    if (!(config.eta >= 0 && config.eta <= 1))
      throw ConfigError("sampler",
                        cat("eta of ddim must lie between 0 (deterministic) and 1 (DDPO); got ", config.eta));
    return;
  }
  if (!(config.noise_level >= 0 && std::isfinite(config.noise_level)))
    throw ConfigError("sampler", cat("noise_level must be a number >= 0; got ", config.noise_level));
  if (config.kind == "cps" && config.noise_level > 1)
    throw ConfigError(
        "sampler",
        cat("noise_level of cps must lie between 0 and 1, where all noise is new; got ", config.noise_level));
}

void check_sampler(const SamplerConfig& config) {
  static const std::vector<std::string> kinds{"flow_sde", "dance_sde", "cps", "ode", "ddim"};
  if (std::find(kinds.begin(), kinds.end(), config.kind) == kinds.end())
    throw ConfigError(
        "sampler", cat("unknown kind '", config.kind, "'; expected flow_sde, dance_sde, cps, ode or ddim"));
  check_noise(config);
  if (config.logprob == "released" && config.kind != "cps")
    throw ConfigError("sampler", cat("logprob = \"released\" is the scale of cps; got kind = \"", config.kind,
                                     "\"; set logprob = \"normalized\""));
}

}  // namespace

double Step::diffusion() const { return noise_std == 0 ? 0 : noise_std / std::sqrt(-dt); }

SigmaGrid SamplerConfig::sigma_grid() const {
  return {.kind = grid == "model" ? "sd3_diffusers" : grid,
          .steps = steps,
          .shift = shift == 0 ? 3.0 : shift,
          .mu = mu == 0 ? 1.15 : mu};
}

void SamplerConfig::fields(FieldVisitor& v) {
  std::vector<std::string> grids{"model"};
  grids.insert(grids.end(), sigma_grid_kinds().begin(), sigma_grid_kinds().end());
  v.field("kind", kind, one_of({"flow_sde", "dance_sde", "cps", "ode", "ddim"}),
          "how a trajectory is drawn; ddim for diffusion models, the others for flow models");
  v.field("steps", steps, between(1, 1000), "denoising steps of a training rollout");
  v.field("noise_level", noise_level, between(0, 10),
          "a of flow_sde: tau = a sqrt(sigma / (1 - sigma)); tau itself of dance_sde; a of cps, 0..1");
  v.field("eta", eta, between(0, 1), "ddim: 0 = deterministic, 1 = DDPO");
  v.field("grid", grid, one_of(grids),
          "noise levels: the model's own scheduler, or a grid of docs/notation.md");
  v.field("shift", shift, at_least(0),
          "s of a static shift s u / (1 + (s - 1) u); 0 = the model's (named grids: 3)");
  v.field("mu", mu, between(-10, 10),
          "shift exponent of a shift that follows the size; 0 = what the model's scheduler gives, else 1.15");
  v.field("model_time", model_time, one_of({"exact", "truncate"}),
          "what a flow network receives: 1000 sigma, or its integer part as in DanceGRPO");
  v.field("logprob", logprob, one_of({"normalized", "released"}),
          "cps: log-density of a Gaussian, or -(next - mean)^2 alone as in the released code");
  v.field("decode", decode, one_of({"latent", "x0_last"}),
          "picture from the last latent, or from the last step's predicted clean latent");
  v.field("initial_noise", initial_noise, one_of({"member", "group", "batch"}),
          "starting noise: each member its own, one per prompt, or one for all");
  alphas.fields(v);
  v.field("window", window, between(0, 1000),
          "consecutive steps with noise, the others are deterministic; 0 = every step has noise");
  v.field("window_kind", window_kind, one_of({"fixed", "random", "sliding"}),
          "where an iteration's window starts: at the range's first step, drawn, or moving");
  v.field("window_range", window_range, between(0, 1000),
          "[first, end) steps that windows may cover; [] = all");
  v.field("window_every", window_every, at_least(1), "sliding: iterations between two moves");
  v.field("window_overlap", window_overlap, at_least(0), "sliding: steps shared by two neighboring windows");
  v.field(
      "window_end", window_end, one_of({"full", "cut"}),
      "sliding: the last window is moved back into the range, or the last windows are cut off at its end");
  v.field("noise_on", noise_on, one_of({"all", "trained"}),
          "steps with noise: all (or the window's), or only those that [schedule] chose to train in the "
          "iteration, the "
          "others being deterministic");
}

std::vector<Step> ode_schedule(const std::vector<double>& sigmas) {
  return make_schedule({.kind = "ode"}, sigmas);
}

std::vector<Step> make_schedule(const SamplerConfig& config) {
  check_sampler(config);
  check_window(config);
  return config.kind == "ddim" ? ddim_schedule(config.alphas, config.steps, config.eta)
                               : make_schedule(config, make_sigmas(config.sigma_grid()));
}

std::vector<Step> make_schedule(const SamplerConfig& config, const std::vector<double>& sigmas) {
  check_sampler(config);
  GAMUT_CHECK(config.kind != "ddim", "noise levels of a flow model for ddim");
  std::vector<Step> steps;
  for (size_t i = 0; i + 1 < sigmas.size(); ++i) {
    const Step euler = euler_step(int64_t(i), sigmas[i], sigmas[i + 1], config.model_time == "truncate");
    const bool noisy = config.kind != "ode" && config.noise_level > 0;
    steps.push_back(noisy ? noisy_flow_step(euler, config) : euler);
  }
  return steps;
}

std::vector<Step> iteration_schedule(const SamplerConfig& config, uint64_t seed, int64_t iteration) {
  return iteration_schedule(config, {}, seed, iteration);
}

std::vector<Step> iteration_schedule(const SamplerConfig& config, const std::vector<double>& sigmas,
                                     uint64_t seed, int64_t iteration) {
  GAMUT_CHECK(iteration >= 0, "iteration ", iteration);
  const auto schedule = [&](const SamplerConfig& one) {
    return sigmas.empty() ? make_schedule(one) : make_schedule(one, sigmas);
  };
  const std::vector<Step> noisy = schedule(config);
  if (config.window == 0) return noisy;
  check_window(config);
  const StepRange window = window_of(config, seed, iteration);
  std::vector<int64_t> inside;
  for (int64_t i = window.first; i < window.end; ++i) inside.push_back(i);
  return with_noise_on(config, noisy, inside);
}

std::vector<Step> with_noise_on(const SamplerConfig& config, const std::vector<Step>& schedule,
                                const std::vector<int64_t>& noisy) {
  SamplerConfig quiet = config;
  quiet.noise_level = quiet.eta = 0;
  std::vector<double> sigmas;
  for (const Step& step : schedule) sigmas.push_back(step.sigma);
  sigmas.push_back(schedule.back().sigma_next);
  std::vector<Step> steps = config.kind == "ddim" ? make_schedule(quiet) : make_schedule(quiet, sigmas);
  for (const int64_t i : noisy) steps[size_t(i)] = schedule[size_t(i)];
  return steps;
}

}  // namespace gamut::diffusion
