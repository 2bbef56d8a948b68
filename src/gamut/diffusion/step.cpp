// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/step.h"

#include "gamut/core/error.h"
#include "gamut/diffusion/per_sample.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

namespace gamut::diffusion {

namespace {

at::Tensor unclipped_clean(const Step& step, const at::Tensor& x, const at::Tensor& out) {
  return at::add(x.to(at::kFloat) * step.clean_x, out.to(at::kFloat), step.clean_out);
}

}  // namespace

at::Tensor step_mean(const Step& step, const at::Tensor& x, const at::Tensor& out) {
  const at::Tensor mean = at::add(x.to(at::kFloat) * step.a, out.to(at::kFloat), step.b);
  if (step.clip == 0) return mean;
  const at::Tensor clean = unclipped_clean(step, x, out);
  return at::add(mean, clean.clamp(-step.clip, step.clip) - clean, std::sqrt(step.alpha_bar_prev));
}

at::Tensor step_log_prob(const Step& step, const at::Tensor& next, const at::Tensor& mean) {
  const double n = step.noise_std;
  GAMUT_CHECK(n > 0, "a deterministic step has no log-probability; step ", step.index);
  const at::Tensor squared = mean_per_sample((next.detach() - mean).square());
  if (!step.normalized) return -squared;
  const double constant = -std::log(n) - 0.5 * std::log(2 * std::numbers::pi);
  return squared * (-0.5 / (n * n)) + constant;
}

at::Tensor predicted_clean(const Step& step, const at::Tensor& x, const at::Tensor& out) {
  const at::Tensor clean = unclipped_clean(step, x, out);
  return step.clip == 0 ? clean : clean.clamp(-step.clip, step.clip);
}

}  // namespace gamut::diffusion
