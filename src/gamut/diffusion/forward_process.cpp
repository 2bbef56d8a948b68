// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/forward_process.h"

#include "gamut/diffusion/affine.h"
#include "gamut/diffusion/ddim.h"

#include <algorithm>
#include <cmath>

namespace gamut::diffusion {
namespace {

constexpr double kFlowModelTime = 1000.0;

// What the network should say of x0 and eps.
Affine target_of(const std::string& prediction, double signal, double noise) {
  if (prediction == "epsilon") return {.x = 0, .out = 1};
  if (prediction == "sample") return {.x = 1, .out = 0};
  return {.x = -noise, .out = signal};
}

}  // namespace

ForwardProcess::ForwardProcess(const SamplerConfig& config) : config_(config) {
  if (config.kind != "ddim") return;
  config_.alphas = config.alphas.resolved();
  alphas_ = alpha_bars(config_.alphas);
  while (alphas_.size() > 1 && alphas_.back() == 0) alphas_.pop_back();
}

ForwardPoint ForwardProcess::flow_point(double time) const {
  const double seen = kFlowModelTime * time;
  return {.time = time,
          .signal = 1 - time,
          .noise = time,
          .target_clean = -1,
          .target_noise = 1,
          .clean_x = 1,
          .clean_out = -time,
          .model_time = config_.model_time == "truncate" ? std::trunc(seen) : seen};
}

ForwardPoint ForwardProcess::table_point(double time) const {
  const int64_t last = int64_t(alphas_.size()) - 1;
  const int64_t timestep =
      std::clamp(int64_t(time * double(config_.alphas.train_timesteps)), int64_t{0}, last);
  const double alpha_bar = alphas_[size_t(timestep)];
  const double signal = std::sqrt(alpha_bar), noise = std::sqrt(1 - alpha_bar);
  const Affine target = target_of(config_.alphas.prediction, signal, noise);
  const Affine clean = clean_prediction(config_.alphas.prediction, alpha_bar);
  return {.time = time,
          .signal = signal,
          .noise = noise,
          .target_clean = target.x,
          .target_noise = target.out,
          .clean_x = clean.x,
          .clean_out = clean.out,
          .model_time = double(timestep)};
}

ForwardPoint ForwardProcess::at(double time, const std::vector<Step>& schedule) const {
  ForwardPoint point = alphas_.empty() ? flow_point(time) : table_point(time);
  for (const Step& step : schedule)
    if (time_of(step) >= time) point.step = step.index;
  return point;
}

// The middle of a timestep's share of the table, so that no rounding leads to its neighbor.
double ForwardProcess::time_of(const Step& step) const {
  if (alphas_.empty()) return step.sigma;
  return (double(step.timestep) + 0.5) / double(config_.alphas.train_timesteps);
}

}  // namespace gamut::diffusion
