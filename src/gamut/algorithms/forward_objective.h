// SPDX-License-Identifier: Apache-2.0
// What the objectives on the forward process share: their items, each row at `draws` times with noise of its
// own, and the regularizer between outputs. A sibling adds what it needs and its loss.
#pragma once

#include "gamut/algorithms/objective.h"

namespace gamut::algorithms {

class ForwardObjective : public Objective {
 public:
  std::vector<TrainItem> items(const CreditedRows& rows, const IterationSteps& steps) const override;
  int64_t items_per_picture(const IterationSteps& steps) const override;
  bool anchors(const TrainItem& item) const override;

  // The sibling's own terms, and the distance.
  LossTerms loss(const TrainItem& item, const Predictions& predictions) const final;

 protected:
  ForwardObjective(const Slots& slots, uint64_t seed);
  virtual LossTerms own_terms(const TrainItem& item, const Predictions& predictions) const = 0;

 private:
  // Whether it is plain: a throw of the draw's own stream, plain_share in the long run.
  diffusion::ForwardPoint point(const diffusion::SampleKey& key, int64_t draw,
                                const IterationSteps& steps) const;
  double time(const diffusion::SampleKey& key, int64_t draw, const IterationSteps& steps) const;

  enum class Times { kUniform, kLogitNormal, kGrid };
  Times times_;
  int64_t draws_;
  double plain_share_;
  uint64_t seed_;
  diffusion::ForwardProcess process_;
};

// What a sample's distance to the reference counts, [B] in fp32 or x's type: t^time_power, and for kl_x0
// clean_out^2, which makes a distance of outputs one of predicted clean latents.
at::Tensor distance_weight(const RegularizerConfig& config,
                           const std::vector<diffusion::ForwardPoint>& points, const at::Tensor& x_BCHW);

// Mean over a sample's elements of (output - target)^2, [B].
at::Tensor matching_error(const at::Tensor& output_BCHW, const at::Tensor& target_BCHW);

// A number of each point, [B] or with `dims` - 1 dimensions of one behind, of x's type and on its device.
at::Tensor of_points(const std::vector<diffusion::ForwardPoint>& points,
                     double diffusion::ForwardPoint::*number, const at::Tensor& x, int64_t dims = 1);

}  // namespace gamut::algorithms
