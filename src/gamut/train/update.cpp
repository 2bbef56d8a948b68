// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/update.h"

#include "gamut/diffusion/step.h"

#include <ATen/ATen.h>

#include <algorithm>
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

// All trained rows unless the micro-batch names some.
int64_t regularized_rows(const MicroBatch& batch) {
  return batch.regularized.defined() ? batch.regularized.numel() : batch.weights_B.sum().item<int64_t>();
}

at::Tensor regularizer_sum(const MicroBatch& batch, const algorithms::RegularizerConfig& config,
                           const diffusion::Step& step, const at::Tensor& mean) {
  const at::Tensor& reference = batch.reference.at(step.index);
  if (!batch.regularized.defined())
    return algorithms::regularizer_sum(config, step, mean, reference, batch.weights_B);
  return algorithms::regularizer_sum(config, step, mean.index_select(0, batch.regularized), reference,
                                     at::ones({batch.regularized.numel()}, batch.weights_B.options()));
}

algorithms::LossTerms surrogate(const MicroBatch& batch, const algorithms::LossConfig& config,
                                const diffusion::Step& step, const at::Tensor& mean) {
  const size_t i = size_t(step.index);
  const at::Tensor& next = batch.trajectories.latents[i + 1];
  const at::Tensor& advantage = batch.step_advantages.empty() ? batch.advantages_B : batch.step_advantages[i];
  if (config.kind == "grpo_guard")
    return algorithms::grpo_guard(step, next, mean, batch.trajectories.means[i], advantage, batch.weights_B, config);
  const at::Tensor log_prob = diffusion::step_log_prob(step, next, mean);
  return algorithms::ppo_clip(log_prob, batch.trajectories.log_probs[i], advantage, batch.weights_B, config);
}

}  // namespace

StepTerms accumulate_step(const MicroBatch& batch, const UpdateInputs& inputs, int64_t index,
                          const UpdateTerms& terms) {
  const diffusion::Step& step = inputs.schedule[size_t(index)];
  const at::Tensor& x = batch.trajectories.latents[size_t(index)];

  // The same network on the same rows as in the rollout: before the first update the ratio is exactly 1.
  const auto kept = batch.trajectories.predictions.find(index);
  const at::Tensor predicted =
      kept != batch.trajectories.predictions.end() ? kept->second : batch.denoiser(x, step);
  const at::Tensor mean = diffusion::step_mean(step, x, predicted);
  StepTerms done{.policy = surrogate(batch, inputs.slots.loss, step, mean), .distance = {}};
  at::Tensor loss = done.policy.loss_sum / terms.policy;
  if (batch.reference.contains(index)) {
    const at::Tensor distance = regularizer_sum(batch, inputs.slots.regularizer, step, mean);
    loss = loss + distance * (inputs.slots.regularizer.weight / terms.regularizer);
    done.distance = distance.detach();
  }
  loss.backward();
  return done;
}

UpdateReport accumulate_gradient(const std::vector<MicroBatch*>& micro_batches, const UpdateInputs& inputs,
                                 const AdamW& optimizer) {
  UpdateReport report;
  for (const MicroBatch* batch : micro_batches) {
    report.trained += batch->weights_B.sum().item<int64_t>();
    report.regularized += regularized_rows(*batch);
  }
  if (report.trained == 0) return report;

  const double steps = double(inputs.trained_steps.size());
  const UpdateTerms terms{.policy = double(report.trained) * steps,
                          .regularizer = std::max(1.0, double(report.regularized)) * steps};
  Sums sums(micro_batches.front()->weights_B.device());
  for (const MicroBatch* batch : micro_batches) {
    for (const int64_t index : inputs.trained_steps) {
      const StepTerms done = accumulate_step(*batch, inputs, index, terms);
      if (done.distance.defined()) sums.kl += done.distance;
      sums.loss += done.policy.loss_sum.detach();
      sums.approx_kl += done.policy.approx_kl_sum;
      sums.clipped += done.policy.clipped_sum;
      sums.deviation_max = at::maximum(sums.deviation_max, done.policy.ratio_deviation_max);
    }
  }
  report.loss = sums.loss.item<double>() / terms.policy;
  report.kl = sums.kl.item<double>() / terms.regularizer;
  report.approx_kl = sums.approx_kl.item<double>() / terms.policy;
  report.clip_fraction = sums.clipped.item<double>() / terms.policy;
  report.ratio_max_deviation = sums.deviation_max.item<double>();
  report.grad_norm = optimizer.grad_norm().item<double>();
  report.finite = std::isfinite(report.loss) && std::isfinite(report.kl) && std::isfinite(report.grad_norm);
  return report;
}

}  // namespace gamut::train
