// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/policy_gradient.h"

#include "gamut/algorithms/step_choice.h"
#include "gamut/diffusion/step.h"

#include <ATen/ATen.h>

namespace gamut::algorithms {
namespace {

class PolicyGradient : public Objective {
 public:
  PolicyGradient(const LossConfig& loss, const RegularizerConfig& regularizer)
      : Objective(regularizer), loss_(loss), guarded_(loss.kind == "grpo_guard") {}

  Needs needs() const override { return {.trajectory = true, .means = guarded_}; }

  int64_t items_per_picture(const IterationSteps& steps) const override {
    return int64_t(steps.trained.size());
  }

  bool anchors(const TrainItem& item) const override { return regularizer_.step_weight(item.index) > 0; }

  std::vector<TrainItem> items(const CreditedRows& rows, const IterationSteps& steps) const override {
    const diffusion::Trajectories& drawn = rows.trajectories;
    std::vector<TrainItem> items;
    for (const int64_t index : steps.trained) {
      const size_t i = size_t(index);
      items.push_back(
          {.index = index,
           .x_BCHW = drawn.latents[i],
           .advantage_B = rows.step_advantages.empty() ? rows.advantages_B : rows.step_advantages[i],
           .weight_B = rows.weights_B,
           .step = steps.schedule[i],
           .next_BCHW = drawn.latents[i + 1],
           .old_log_prob_B = drawn.log_probs[i],
           .old_mean_BCHW = guarded_ ? drawn.means[i] : at::Tensor()});
    }
    return items;
  }

  LossTerms loss(const TrainItem& item, const Predictions& predictions) const override {
    const at::Tensor mean = diffusion::step_mean(item.step, item.x_BCHW, predictions.current);
    LossTerms terms = surrogate(item, mean);
    if (predictions.reference.defined()) terms.distance_sum = distance(item, mean, predictions);
    return terms;
  }

 private:
  LossTerms surrogate(const TrainItem& item, const at::Tensor& mean) const {
    if (guarded_)
      return grpo_guard(item.step, item.next_BCHW, mean, item.old_mean_BCHW, item.advantage_B, item.weight_B,
                        loss_);
    const at::Tensor log_prob = diffusion::step_log_prob(item.step, item.next_BCHW, mean);
    return ppo_clip(log_prob, item.old_log_prob_B, item.advantage_B, item.weight_B, loss_);
  }

  at::Tensor distance(const TrainItem& item, const at::Tensor& mean, const Predictions& predictions) const {
    const at::Tensor& anchored = predictions.anchored;
    if (!anchored.defined())
      return regularizer_sum(regularizer_, item.step, mean,
                             diffusion::step_mean(item.step, item.x_BCHW, predictions.reference),
                             item.weight_B);
    const at::Tensor x = item.x_BCHW.index_select(0, anchored);
    return regularizer_sum(regularizer_, item.step, mean.index_select(0, anchored),
                           diffusion::step_mean(item.step, x, predictions.reference),
                           at::ones({anchored.numel()}, item.weight_B.options()));
  }

  LossConfig loss_;
  bool guarded_;
};

}  // namespace

std::unique_ptr<Objective> make_policy_gradient(const LossConfig& loss,
                                                const RegularizerConfig& regularizer) {
  return std::make_unique<PolicyGradient>(loss, regularizer);
}

}  // namespace gamut::algorithms
