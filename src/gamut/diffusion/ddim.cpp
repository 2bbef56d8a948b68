// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/ddim.h"

#include "gamut/core/error.h"

#include <algorithm>
#include <cmath>

namespace gamut::diffusion {
namespace {

// The network's output as prediction of x0 and eps.
struct Prediction {
  Affine clean, noise;
};

Prediction prediction_of(const std::string& kind, double alpha_bar) {
  const double signal = std::sqrt(alpha_bar), sigma = std::sqrt(1 - alpha_bar);
  if (kind == "epsilon" && alpha_bar == 0)
    throw ConfigError(
        "sampler",
        "where a zero-SNR table has no signal, predicted noise says nothing about the picture; got "
        "prediction = \"epsilon\"; such models predict v, or leave the last timestep out "
        "(spacing = \"leading\")");
  if (kind == "epsilon")
    return {.clean = {.x = 1 / signal, .out = -sigma / signal}, .noise = {.x = 0, .out = 1}};
  if (kind == "v_prediction")
    return {.clean = {.x = signal, .out = -sigma}, .noise = {.x = sigma, .out = signal}};
  if (kind == "sample")
    return {.clean = {.x = 0, .out = 1}, .noise = {.x = 1 / sigma, .out = -signal / sigma}};
  throw ConfigError("sampler",
                    cat("unknown prediction '", kind, "'; expected epsilon, v_prediction or sample"));
}

double ddim_noise_std(double alpha_bar, double alpha_bar_prev, double eta) {
  const double variance = (1 - alpha_bar_prev) / (1 - alpha_bar) * (1 - alpha_bar / alpha_bar_prev);
  return eta * std::sqrt(std::max(0.0, variance));
}

// Fills what follows from the alpha_bars.
Step ddim_step(Step step, const std::string& prediction, double eta) {
  const Prediction parts = prediction_of(prediction, step.alpha_bar);
  step.sigma = std::sqrt(1 - step.alpha_bar);
  step.sigma_next = std::sqrt(1 - step.alpha_bar_prev);
  step.dt = step.sigma_next - step.sigma;
  step.clean_x = parts.clean.x;
  step.clean_out = parts.clean.out;
  const double n = ddim_noise_std(step.alpha_bar, step.alpha_bar_prev, eta);
  return toward(step, std::sqrt(step.alpha_bar_prev), parts.clean, remaining_std(1 - step.alpha_bar_prev, n),
                parts.noise, n);
}

double noise_level(double alpha_bar) { return std::sqrt((1 - alpha_bar) / alpha_bar); }

double alpha_bar_of(double level) { return 1 / (1 + level * level); }

// The timesteps of EulerDiscreteScheduler: as DDIM's, but linspace is not rounded.
std::vector<double> euler_timesteps(const AlphaTableConfig& table, int64_t steps) {
  const std::vector<int64_t> whole = ddim_timesteps(table, steps);
  if (table.spacing != "linspace") return {whole.begin(), whole.end()};
  std::vector<double> times;
  const double top = double(table.train_timesteps - 1);
  for (int64_t i = 0; i < steps; ++i)
    times.push_back(steps == 1 ? 0.0 : double(float(top * double(steps - 1 - i) / double(steps - 1))));
  return times;
}

// Linear between the table's entries.
double level_at(const std::vector<double>& alphas, double time) {
  const size_t below = size_t(std::floor(time)), above = std::min(below + 1, alphas.size() - 1);
  const double share = time - double(below);
  return (1 - share) * noise_level(alphas[below]) + share * noise_level(alphas[above]);
}

}  // namespace

Affine clean_prediction(const std::string& prediction, double alpha_bar) {
  return prediction_of(prediction, alpha_bar).clean;
}

// A timestep before 0 means the last step. By default it ends at alpha_bar_0, as DDPO's does.
std::vector<Step> ddim_schedule(const AlphaTableConfig& given, int64_t count, double eta) {
  const AlphaTableConfig table = given.resolved();
  const std::vector<double> alphas = alpha_bars(table);
  const std::vector<int64_t> times = ddim_timesteps(table, count);
  const int64_t stride = table.train_timesteps / count;
  std::vector<Step> steps;
  for (const int64_t t : times) {
    const int64_t before = std::max<int64_t>(t - stride, 0);
    const bool to_one = table.final_alpha == "one" && t - stride < 0;
    const Step step{.index = int64_t(steps.size()),
                    .model_time = double(t),
                    .timestep = t,
                    .timestep_prev = before,
                    .alpha_bar = alphas[size_t(t)],
                    .alpha_bar_prev = to_one ? 1.0 : alphas[size_t(before)]};
    steps.push_back(ddim_step(step, table.prediction, eta));
    steps.back().clip = table.clip;
  }
  return steps;
}

std::vector<Step> euler_schedule(const AlphaTableConfig& given, int64_t count) {
  const AlphaTableConfig table = given.resolved();
  const std::vector<double> alphas = alpha_bars(table);
  const std::vector<double> times = euler_timesteps(table, count);
  std::vector<Step> steps;
  for (size_t i = 0; i < times.size(); ++i) {
    const bool last = i + 1 == times.size();
    const Step step{.index = int64_t(i),
                    .model_time = times[i],
                    .timestep = int64_t(times[i]),
                    .timestep_prev = last ? 0 : int64_t(times[i + 1]),
                    .alpha_bar = alpha_bar_of(level_at(alphas, times[i])),
                    .alpha_bar_prev = last ? 1.0 : alpha_bar_of(level_at(alphas, times[i + 1]))};
    steps.push_back(ddim_step(step, table.prediction, 0));
    if (table.spacing != "leading") steps.back().start_scale = steps.back().sigma;
  }
  return steps;
}

}  // namespace gamut::diffusion
