// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/nft.h"

#include "gamut/algorithms/algorithm.h"
#include "gamut/algorithms/forward_objective.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace gamut::algorithms {
namespace {

constexpr double kLeastError = 1e-5;

// Mean squared error of the clean latent, over its own size.
at::Tensor relative_error(const TrainItem& item, const at::Tensor& output) {
  using Point = diffusion::ForwardPoint;
  const int64_t dims = output.dim();
  const at::Tensor clean = item.x_BCHW * of_points(item.points, &Point::clean_x, item.x_BCHW, dims) +
                           output * of_points(item.points, &Point::clean_out, item.x_BCHW, dims);
  const at::Tensor error = clean - item.clean_BCHW;
  const at::Tensor size = error.detach().abs().flatten(1).mean(1).clamp_min(kLeastError);
  return error.square().flatten(1).mean(1) / size;
}

class Nft : public ForwardObjective {
 public:
  Nft(const Slots& slots, uint64_t seed) : ForwardObjective(slots, seed), config_(slots.objective) {}

  Needs needs() const override {
    return {.trajectory = false,
            .old = true,
            .slow_old = config_.old_decay_rate > 0 && config_.old_decay_max > 0};
  }

 protected:
  LossTerms own_terms(const TrainItem& item, const Predictions& predictions) const override {
    return {.loss_sum =
                (nft_loss(item, predictions.current, predictions.old, config_) * item.weight_B).sum()};
  }

 private:
  ObjectiveConfig config_;
};

}  // namespace

at::Tensor nft_share(const at::Tensor& advantage, const ObjectiveConfig& config) {
  return (advantage / (2 * config.advantage_max) + 0.5).clamp(0, 1);
}

at::Tensor nft_loss(const TrainItem& item, const at::Tensor& current, const at::Tensor& old,
                    const ObjectiveConfig& config) {
  const double beta = config.beta;
  const at::Tensor behavior = old.detach();
  const at::Tensor share = nft_share(item.advantage_B, config);
  const at::Tensor better = relative_error(item, behavior * (1 - beta) + current * beta);
  const at::Tensor worse = relative_error(item, behavior * (1 + beta) - current * beta);
  return (share * better + (1 - share) * worse) * (config.advantage_max / beta);
}

double old_decay(const ObjectiveConfig& config, int64_t updates) {
  if (updates < config.old_decay_start) return 0;
  return std::min(config.old_decay_rate * double(updates - config.old_decay_start), config.old_decay_max);
}

std::unique_ptr<Objective> make_nft(const Slots& slots, uint64_t seed) {
  return std::make_unique<Nft>(slots, seed);
}

}  // namespace gamut::algorithms
