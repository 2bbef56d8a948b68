// SPDX-License-Identifier: Apache-2.0
// Rows and items of the forward process for tests, in double where finite differences are taken.
#pragma once

#include "gamut/algorithms/algorithm.h"
#include "gamut/algorithms/forward_objective.h"

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

namespace gamut::algorithms {

// Members first … first + count of prompt 2 in iteration 4, with finished latents that depend on the member
// alone.
inline CreditedRows rows_of(int64_t first, int64_t count) {
  CreditedRows rows;
  for (int64_t member = first; member < first + count; ++member) rows.keys.push_back({4, 2, member});
  rows.trajectories.final_BCHW =
      diffusion::step_noise({.seed = 8, .purpose = "test"}, rows.keys, {2, 3, 3}, 0);
  rows.advantages_B = at::arange(double(first), double(first + count), at::kFloat) * 0.4F - 0.9F;
  rows.weights_B = at::ones({count});
  return rows;
}

// One item of 3 samples at t = 0.2, 0.5, 0.9 of a flow model, in double.
inline TrainItem double_item(const std::vector<double>& advantages) {
  const diffusion::ForwardProcess process({.kind = "ode"});
  TrainItem item;
  for (const double time : {0.2, 0.5, 0.9}) item.points.push_back(process.at(time, {}));
  at::manual_seed(3);
  item.clean_BCHW = at::randn({3, 2, 2, 2}, at::kDouble);
  const at::Tensor noise = at::randn({3, 2, 2, 2}, at::kDouble);
  const auto part = [&](double diffusion::ForwardPoint::*number) {
    return of_points(item.points, number, noise, 4);
  };
  using Point = diffusion::ForwardPoint;
  item.x_BCHW = item.clean_BCHW * part(&Point::signal) + noise * part(&Point::noise);
  item.target_BCHW = noise - item.clean_BCHW;
  item.advantage_B = at::tensor(advantages, at::kDouble);
  item.weight_B = at::ones({3}, at::kDouble);
  return item;
}

// The largest difference between a gradient and central differences of `loss`, over all elements of `at`.
inline double worst_slope(const at::Tensor& gradient, const at::Tensor& at,
                          const std::function<double(const at::Tensor&)>& loss) {
  constexpr double h = 1e-6;
  double worst = 0;
  for (int64_t i = 0; i < at.numel(); ++i) {
    const auto shifted = [&](double by) {
      at::Tensor moved = at.detach().clone();
      moved.view({-1})[i] += by;
      return loss(moved);
    };
    const double slope = (shifted(h) - shifted(-h)) / (2 * h);
    worst = std::max(worst, std::abs(gradient.reshape({-1})[i].item<double>() - slope));
  }
  return worst;
}

}  // namespace gamut::algorithms
