// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/step.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

namespace gamut::diffusion {

at::Tensor step_mean(const Step& step, const at::Tensor& x, const at::Tensor& v) {
  return at::add(x.to(at::kFloat) * step.a, v.to(at::kFloat), step.b);
}

at::Tensor step_log_prob(const Step& step, const at::Tensor& next, const at::Tensor& mean) {
  const double n = step.noise_std;
  GAMUT_CHECK(n > 0, "a deterministic step has no log-probability; step ", step.index);
  const double constant = -std::log(n) - 0.5 * std::log(2 * std::numbers::pi);
  const at::Tensor squared = (next.detach() - mean).square().mean({1, 2, 3});
  return squared * (-0.5 / (n * n)) + constant;
}

at::Tensor predicted_clean(const Step& step, const at::Tensor& x, const at::Tensor& v) {
  return at::sub(x.to(at::kFloat), v.to(at::kFloat), step.sigma);
}

}  // namespace gamut::diffusion
