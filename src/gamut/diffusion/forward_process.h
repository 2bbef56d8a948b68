// SPDX-License-Identifier: Apache-2.0
// The forward process: a finished latent with noise added, as the model was pretrained on, in double
// precision:
//
//   x_t = signal x0 + noise eps        target = target_clean x0 + target_noise eps        clean = clean_x x +
//   clean_out out
//
// Flow models: t is the noise level, signal 1 - t, noise t, target eps - x0. Diffusion models: t is the share
// of the noise table, timestep floor(t train_timesteps), signal sqrt(alpha_bar), noise sqrt(1 - alpha_bar),
// target eps, v or x0.
#pragma once

#include "gamut/diffusion/schedule.h"

#include <ATen/core/Tensor.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace gamut::diffusion {

// Weights of a clean latent and of noise, as numbers in double precision or as tensors [B, 1, …] in fp32.
template <class Number>
struct Mix {
  Number clean, noise;
};

template <class Number>
Mix<Number> flow_mix(const Number& sigma) {
  return {1 - sigma, sigma};
}

template <class Number>
Mix<Number> table_mix(const Number& alpha_bar) {
  using std::sqrt;
  return {sqrt(alpha_bar), sqrt(1 - alpha_bar)};
}

// What the network should say where `x` is mixed so. `prediction`: velocity (flow models), epsilon, sample or
// v_prediction.
template <class Number>
Mix<Number> target_mix(const std::string& prediction, const Mix<Number>& x) {
  const Number zero = x.noise * 0;
  if (prediction == "velocity") return {zero - 1, zero + 1};
  if (prediction == "epsilon") return {zero, zero + 1};
  if (prediction == "sample") return {zero + 1, zero};
  return {-x.noise, x.clean};
}

// Flow models are told their noise level times this.
constexpr double kFlowModelTime = 1000.0;

// One time of it. `step`: of the rollout's schedule, the last step that begins at or above this time; its
// prompt variation is this time's.
struct ForwardPoint {
  double time = 0.5;
  double signal = 0.5, noise = 0.5;
  double target_clean = -1, target_noise = 1;
  double clean_x = 1, clean_out = -0.5;
  double model_time = 500;  // what the network receives
  int64_t step = 0;
  bool plain = false;  // with the plain prompt in place of the caption that the picture was drawn by
};

// The network's output for B samples, each at a point of its own.
using PointDenoiser =
    std::function<at::Tensor(const at::Tensor& x_BCHW, const std::vector<ForwardPoint>& points)>;

class ForwardProcess {
 public:
  explicit ForwardProcess(const SamplerConfig& config);
  // time in [0, 1]. A table's entry without signal (zero SNR) is passed over.
  ForwardPoint at(double time, const std::vector<Step>& schedule) const;
  double time_of(const Step& step) const;  // of the point with the step's noise level

 private:
  ForwardPoint flow_point(double time) const;
  ForwardPoint table_point(double time) const;

  SamplerConfig config_;
  std::vector<double> alphas_;  // empty: a flow model
};

}  // namespace gamut::diffusion
