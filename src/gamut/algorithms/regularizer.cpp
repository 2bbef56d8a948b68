// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/regularizer.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

namespace gamut::algorithms {

void RegularizerConfig::fields(FieldVisitor& v) {
  v.field("kind", kind, one_of({"none", "kl_flow", "kl_exact", "kl_v", "kl_x"}),
          "distance to the reference policy");
  v.field("weight", weight, at_least(0), "factor of that distance in the loss");
}

double regularizer_factor(const std::string& kind, const diffusion::Step& step) {
  const double tau = step.diffusion();
  if (kind == "kl_flow") return 1 / (2 * tau * tau);
  if (kind == "kl_exact") return 1 / (2 * step.noise_std * step.noise_std);
  if (kind == "kl_v") return 1 / (step.b * step.b);
  GAMUT_CHECK(kind == "kl_x", "kind = ", kind);
  return 1;
}

at::Tensor regularizer_sum(const RegularizerConfig& config, const diffusion::Step& step, const at::Tensor& mean,
                           const at::Tensor& reference_mean, const at::Tensor& weight) {
  const at::Tensor distance = (mean - reference_mean.detach()).square().mean({1, 2, 3});
  return (distance * weight).sum() * regularizer_factor(config.kind, step);
}

}  // namespace gamut::algorithms
