// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/update.h"

#include "gamut/diffusion/step.h"

#include <ATen/ATen.h>

#include <cmath>

namespace gamut::train {
namespace {

// Sums over samples and steps, kept on the device until the update's end.
struct Sums {
  at::Tensor loss, kl, approx_kl, clipped, deviation_max;
  explicit Sums(const at::Device& device) {
    for (at::Tensor* sum : {&loss, &kl, &approx_kl, &clipped, &deviation_max}) *sum = at::zeros({}, device);
  }
};

}  // namespace

UpdateReport accumulate_gradient(const std::vector<MicroBatch*>& micro_batches, const UpdateInputs& inputs,
                                 const AdamW& optimizer) {
  const algorithms::Slots& slots = inputs.slots;
  UpdateReport report;
  for (const MicroBatch* batch : micro_batches) report.trained += batch->weights_B.sum().item<int64_t>();
  if (report.trained == 0) return report;

  // The denominator counts over the whole update, so that micro-batches never change the result.
  const double terms = double(report.trained) * double(inputs.trained_steps.size());
  Sums sums(micro_batches.front()->weights_B.device());
  for (const MicroBatch* batch : micro_batches) {
    for (const int64_t index : inputs.trained_steps) {
      const diffusion::Step& step = inputs.schedule[size_t(index)];
      const at::Tensor& x = batch->trajectories.latents[size_t(index)];
      const at::Tensor& next = batch->trajectories.latents[size_t(index) + 1];
      const at::Tensor& old_log_prob = batch->trajectories.log_probs[size_t(index)];

      // The same network on the same rows as in the rollout: before the first update the ratio is exactly 1.
      const at::Tensor mean = diffusion::step_mean(step, x, batch->velocity(x, step));
      const at::Tensor log_prob = diffusion::step_log_prob(step, next, mean);
      const algorithms::LossTerms policy =
          algorithms::ppo_clip(log_prob, old_log_prob, batch->advantages_B, batch->weights_B, slots.loss);
      at::Tensor loss = policy.loss_sum;
      if (slots.regularizer.is_on()) {
        const at::Tensor distance = algorithms::regularizer_sum(slots.regularizer, step, mean,
                                                                batch->reference.at(index), batch->weights_B);
        loss = loss + slots.regularizer.weight * distance;
        sums.kl += distance.detach();
      }
      (loss / terms).backward();

      sums.loss += policy.loss_sum.detach();
      sums.approx_kl += policy.approx_kl_sum;
      sums.clipped += policy.clipped_sum;
      sums.deviation_max = at::maximum(sums.deviation_max, policy.ratio_deviation_max);
    }
  }
  report.loss = sums.loss.item<double>() / terms;
  report.kl = sums.kl.item<double>() / terms;
  report.approx_kl = sums.approx_kl.item<double>() / terms;
  report.clip_fraction = sums.clipped.item<double>() / terms;
  report.ratio_max_deviation = sums.deviation_max.item<double>();
  report.grad_norm = optimizer.grad_norm().item<double>();
  report.finite = std::isfinite(report.loss) && std::isfinite(report.kl) && std::isfinite(report.grad_norm);
  return report;
}

}  // namespace gamut::train
