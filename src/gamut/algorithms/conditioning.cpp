// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/conditioning.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace gamut::algorithms {
namespace {

// Keeps a division by the spread of an all-equal embedding finite.
constexpr double kTiny = 1e-12;

// Over all of a row's elements, [B, 1, …].
at::Tensor row_mean(const at::Tensor& rows) {
  return rows.dim() == 3 ? rows.mean({1, 2}, true) : rows.mean({1}, true);
}

at::Tensor row_rms(const at::Tensor& rows) { return row_mean(rows.square()).sqrt(); }

at::Tensor row_std(const at::Tensor& rows) { return row_rms(rows - row_mean(rows)).clamp_min(kTiny); }

// y with the mean and the spread of c, row by row.
at::Tensor rescaled(const at::Tensor& y, const at::Tensor& c) {
  return (y - row_mean(y)) / row_std(y) * row_std(c) + row_mean(c);
}

}  // namespace

void ConditioningConfig::fields(FieldVisitor& v) {
  v.field("kind", kind, one_of({"clean", "annealed_noise"}),
          "the prompt's embedding as it is, or with noise that fades along the trajectory");
  v.field("form", form, one_of({"additive", "cads"}), "how the noise enters, see docs/algorithms/drift.md");
  v.field("target", target, one_of({"tokens", "pooled", "both"}),
          "what gets noise: the tokens' states, the pooled vector (Stable Diffusion 3, FLUX), or what the "
          "model has of them");
  v.field("strength", strength, at_least(0), "noise in units of the embedding's rms (cads: of 1)");
  v.field("tau1", tau1, between(0, 1), "time (1 noisy, 0 clean) from which on the prompt is clean");
  v.field("tau2", tau2, between(0, 1), "time until which the noise is full");
  v.field("rescale", rescale, any_value(), "cads: give the noisy embedding the clean one's mean and std");
  v.field("psi", psi, between(0, 1), "cads: share of the rescaled embedding");
  v.field("resample", resample, one_of({"trajectory", "step"}), "one draw per rollout, or one per step");
  v.field("anneal_axis", anneal_axis, one_of({"step", "iter", "both"}),
          "the noise fades along the trajectory, along the run, or along both");
  v.field("iter_anneal", iter_anneal, one_of({"none", "linear", "cosine"}),
          "anneal_axis iter or both: how the strength falls to 0 over the run");
  v.field("time", time, one_of({"fraction", "sigma"}), "time of step i: 1 - i/steps, or its noise level");
}

void ConditioningConfig::check() const {
  if (!is_on()) return;
  if (!(tau1 < tau2))
    throw ConfigError("conditioning", cat("tau1 must lie below tau2; got tau1 = ", tau1, ", tau2 = ", tau2));
  if (!(strength >= 0))
    throw ConfigError("conditioning", cat("strength must not be negative; got ", strength));
  const bool along_run = anneal_axis != "step";
  if (along_run != (iter_anneal != "none"))
    throw ConfigError(
        "conditioning",
        cat("anneal_axis = \"", anneal_axis, "\" does not go with iter_anneal = \"", iter_anneal,
            "\"; expected ", along_run ? "iter_anneal linear or cosine" : "anneal_axis iter or both"));
}

double anneal(const ConditioningConfig& config, const diffusion::Step& step, int64_t steps) {
  if (config.anneal_axis == "iter") return 0;
  const double u = config.time == "sigma" ? step.sigma : 1 - double(step.index) / double(steps);
  return std::clamp((config.tau2 - u) / (config.tau2 - config.tau1), 0.0, 1.0);
}

double strength_at(const ConditioningConfig& config, int64_t iteration, int64_t iterations) {
  if (config.anneal_axis == "step" || config.iter_anneal == "none") return 1;
  const double done = std::clamp(double(iteration) / double(std::max<int64_t>(1, iterations)), 0.0, 1.0);
  return config.iter_anneal == "linear" ? 1 - done : 0.5 * (1 + std::cos(std::numbers::pi * done));
}

ConditioningNoise::ConditioningNoise(const ConditioningConfig& config, uint64_t seed,
                                     std::vector<diffusion::SampleKey> keys, int64_t iteration,
                                     int64_t iterations, int64_t steps)
    : config_(config),
      seed_(seed),
      keys_(std::move(keys)),
      factor_(strength_at(config, iteration, iterations)),
      steps_(steps) {
  config_.check();
}

at::Tensor ConditioningNoise::draw(const at::Tensor& part, const diffusion::Step& step,
                                   const std::string& stream) const {
  const int64_t draw = config_.resample == "step" ? step.index + 1 : 0;
  at::Tensor noise = at::empty(part.sizes(), at::kFloat);
  const size_t row = size_t(part.numel() / part.size(0));
  float* data = noise.mutable_data_ptr<float>();
  for (size_t b = 0; b < keys_.size(); ++b) {
    const diffusion::SampleKey& key = keys_[b];
    Stream(seed_, stream, {key.epoch, key.prompt, key.member, draw}).fill_normal({data + b * row, row});
  }
  return noise.to(part.device());
}

at::Tensor ConditioningNoise::perturb(const at::Tensor& hidden, const diffusion::Step& step) const {
  return config_.is_on() && config_.target != "pooled" ? varied(hidden, step, "conditioning") : hidden;
}

at::Tensor ConditioningNoise::perturb_pooled(const at::Tensor& pooled, const diffusion::Step& step) const {
  return config_.is_on() && config_.target != "tokens" ? varied(pooled, step, "conditioning.pooled") : pooled;
}

at::Tensor ConditioningNoise::varied(const at::Tensor& part, const diffusion::Step& step,
                                     const std::string& stream) const {
  GAMUT_CHECK((part.dim() == 3 || part.dim() == 2) && part.size(0) == int64_t(keys_.size()), part.sizes(),
              " for ", keys_.size(), " keys");
  const double g = anneal(config_, step, steps_), strength = config_.strength * factor_;
  const bool additive = config_.form == "additive";
  // The embedding itself rather than a sum with zeros: a clean step is clean to the bit.
  if (g == 1 || (additive && strength == 0)) return part;

  const at::Tensor c = part.to(at::kFloat), noise = draw(part, step, stream);
  if (additive) return (c + row_rms(c) * noise * (strength * (1 - g))).to(part.scalar_type());
  const at::Tensor y = c * std::sqrt(g) + noise * (strength * std::sqrt(1 - g));
  if (!config_.rescale) return y.to(part.scalar_type());
  return (rescaled(y, c) * config_.psi + y * (1 - config_.psi)).to(part.scalar_type());
}

}  // namespace gamut::algorithms
