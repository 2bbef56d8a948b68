// SPDX-License-Identifier: Apache-2.0
// Stochastic prompt variation (DRIFT): noise on the prompt's embedding, one draw per rollout, full at the
// noisy end and fading to exactly nothing; the CADS form (arXiv 2310.17347) as an option.
//
//   additive   c' = c + s0 f (1 - g(u)) rms(c) eps
//   cads       y = sqrt(g) c + s sqrt(1 - g) eps; rescaled to c's mean and std; psi rescaled + (1 - psi) y
//   g(u) = 1 for u <= tau1, 0 for u >= tau2, linear between;  u = 1 - i/N (or sigma_i)
#pragma once

#include "gamut/core/config.h"
#include "gamut/diffusion/rollout.h"
#include "gamut/diffusion/schedule.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::algorithms {

// [conditioning] of a recipe.
struct ConditioningConfig {
  std::string kind = "clean";     // clean | annealed_noise
  std::string form = "additive";  // additive | cads
  std::string target = "both";    // tokens | pooled | both
  double strength = 0.1;
  double tau1 = 0.6, tau2 = 0.9;
  bool rescale = true;                  // cads
  double psi = 1.0;                     // cads
  std::string resample = "trajectory";  // trajectory | step
  std::string anneal_axis = "step";     // step | iter | both
  std::string iter_anneal = "none";     // none | linear | cosine, over the run
  std::string time = "fraction";        // u_i: fraction = 1 - i/N | sigma
  void fields(FieldVisitor& v);
  bool is_on() const { return kind != "clean"; }
  void check() const;  // ConfigError for keys that contradict each other
};

// g in [0, 1] for one step, and the strength's factor f for the iteration.
double anneal(const ConditioningConfig& config, const diffusion::Step& step, int64_t steps);
double strength_at(const ConditioningConfig& config, int64_t iteration, int64_t iterations);

// Embeddings of B rollouts over a trajectory. The same object serves rollout, update and reference, so that
// the embedding is the same bit for bit.
class ConditioningNoise {
 public:
  // keys name the rows' streams (seed, "conditioning", {epoch, prompt, member, 0, or
  // step + 1 when each step draws anew}); the pooled vector's are "conditioning.pooled".
  ConditioningNoise(const ConditioningConfig& config, uint64_t seed, std::vector<diffusion::SampleKey> keys,
                    int64_t iteration, int64_t iterations, int64_t steps);
  // hidden [B, L, D] -> perturbed; the same tensor where g = 1 or the kind is clean.
  at::Tensor perturb(const at::Tensor& hidden_BLD, const diffusion::Step& step) const;
  // The same for [B, D].
  at::Tensor perturb_pooled(const at::Tensor& pooled_BD, const diffusion::Step& step) const;

 private:
  at::Tensor varied(const at::Tensor& part, const diffusion::Step& step, const std::string& stream) const;
  at::Tensor draw(const at::Tensor& part, const diffusion::Step& step, const std::string& stream) const;

  ConditioningConfig config_;
  uint64_t seed_ = 0;
  std::vector<diffusion::SampleKey> keys_;
  double factor_ = 1;  // f of the iteration
  int64_t steps_ = 1;
};

}  // namespace gamut::algorithms
