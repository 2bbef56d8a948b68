// SPDX-License-Identifier: Apache-2.0
// What the trainer compares with the base's own pictures.
#include "gamut/core/error.h"
#include "gamut/train/shared.h"
#include "gamut/train/trainer.h"

#include <ATen/ATen.h>

namespace gamut::train {

// While the policy is the base still; a resumed run draws the same ones again before it takes over its
// weights.
void Trainer::draw_base() {
  if (base_ || !needs_base_samples(config_) || !hooks_.has_data()) return;
  GAMUT_CHECK(updates_done_ == 0, "the policy is no longer the base");
  const uint64_t seed = uint64_t(config_.seed);
  const algorithms::IterationSteps steps =
      algorithms::iteration_steps(config_.slots, objective_->needs(), process_.iteration(seed, 0), seed, 0);
  base_ = draw_base_samples(config_, actor_, crediting_.features(), steps.schedule, int64_t(prompts_.size()),
                            plan_.micro_batch);
}

void Trainer::follow_variety(const std::vector<Rollout>& drawn, UpdateInputs& inputs, StepReport& report) {
  if (!config_.slots.regularizer.follows_variety() || !hooks_.has_data()) return;
  anchor_.observe(kept_variety(final_latents(drawn, slices_, group_), drawn_rows_.rows, *base_,
                               config_.slots.regularizer.pool));
  inputs.anchor = anchor_.factor();
  report.kept_share = anchor_.kept();
  report.anchor_weight = config_.slots.regularizer.weight * anchor_.factor();
}

}  // namespace gamut::train
