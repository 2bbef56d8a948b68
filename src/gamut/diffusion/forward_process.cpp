// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/forward_process.h"

#include "gamut/diffusion/affine.h"
#include "gamut/diffusion/ddim.h"

#include <algorithm>
#include <cmath>

namespace gamut::diffusion {
ForwardProcess::ForwardProcess(const SamplerConfig& config) : config_(config) {
  if (config.kind != "ddim") return;
  config_.alphas = config.alphas.resolved();
  alphas_ = alpha_bars(config_.alphas);
  while (alphas_.size() > 1 && alphas_.back() == 0) alphas_.pop_back();
}

ForwardPoint ForwardProcess::flow_point(double time) const {
  const double seen = kFlowModelTime * time;
  const Mix<double> x = flow_mix(time), target = target_mix("velocity", x);
  return {.time = time,
          .signal = x.clean,
          .noise = x.noise,
          .target_clean = target.clean,
          .target_noise = target.noise,
          .clean_x = 1,
          .clean_out = -time,
          .model_time = config_.model_time == "truncate" ? std::trunc(seen) : seen};
}

ForwardPoint ForwardProcess::table_point(double time) const {
  const int64_t last = int64_t(alphas_.size()) - 1;
  const int64_t timestep =
      std::clamp(int64_t(time * double(config_.alphas.train_timesteps)), int64_t{0}, last);
  const double alpha_bar = alphas_[size_t(timestep)];
  const Mix<double> x = table_mix(alpha_bar), target = target_mix(config_.alphas.prediction, x);
  const Affine clean = clean_prediction(config_.alphas.prediction, alpha_bar);
  return {.time = time,
          .signal = x.clean,
          .noise = x.noise,
          .target_clean = target.clean,
          .target_noise = target.noise,
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
