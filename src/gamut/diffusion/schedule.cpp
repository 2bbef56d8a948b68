// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/schedule.h"

#include "gamut/core/error.h"

#include <cmath>

namespace gamut::diffusion {
namespace {

Step euler_step(int64_t index, double sigma, double sigma_next) {
  const double dt = sigma_next - sigma;
  return {.index = index, .sigma = sigma, .sigma_next = sigma_next, .dt = dt, .a = 1, .b = dt, .noise_std = 0};
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

}  // namespace

double Step::diffusion() const { return noise_std / std::sqrt(-dt); }

void SamplerConfig::fields(FieldVisitor& v) {
  v.field("kind", kind, one_of({"flow_sde", "ode"}), "how a trajectory is drawn");
  v.field("steps", steps, between(1, 1000), "denoising steps of a training rollout");
  v.field("noise_level", noise_level, between(0, 10), "a of Flow-SDE: tau = a sqrt(sigma / (1 - sigma))");
  v.field("grid", grid, one_of(sigma_grid_kinds()), "noise levels, see docs/notation.md");
  v.field("shift", shift, above(0), "s of the grid's shift s u / (1 + (s - 1) u)");
  v.field("mu", mu, between(-10, 10), "shift exponent of the flux_dynamic grid");
  v.field("decode", decode, one_of({"latent", "x0_last"}),
          "picture from the last latent, or from the last step's predicted clean latent");
}

std::vector<Step> ode_schedule(const std::vector<double>& sigmas) {
  std::vector<Step> steps;
  for (size_t i = 0; i + 1 < sigmas.size(); ++i)
    steps.push_back(euler_step(int64_t(i), sigmas[i], sigmas[i + 1]));
  return steps;
}

std::vector<Step> make_schedule(const SamplerConfig& config) {
  return make_schedule(config, make_sigmas(config.sigma_grid()));
}

std::vector<Step> make_schedule(const SamplerConfig& config, const std::vector<double>& sigmas) {
  std::vector<Step> steps = ode_schedule(sigmas);
  if (config.kind == "ode" || config.noise_level == 0) return steps;
  for (Step& step : steps) {
    // At sigma = 1 the coefficient is infinite; Flow-GRPO takes the next level's denominator there.
    const double level = step.sigma == 1 ? sigmas[1] : step.sigma;
    // A one-step schedule has sigma_1 = 0: tau stays finite (a), as the formula gives with level = 0.
    step = sde_step(step, config.noise_level * std::sqrt(step.sigma / (1 - level)));
  }
  return steps;
}

}  // namespace gamut::diffusion
