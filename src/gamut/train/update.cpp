// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/update.h"

#include "gamut/train/hooks.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace gamut::train {
namespace {

// Sums over samples and items, kept on the device until the update's end.
struct Sums {
  at::Tensor loss, kl, approx_kl, clipped, deviation_max;
  explicit Sums(const at::Device& device) {
    for (at::Tensor* sum : {&loss, &kl, &approx_kl, &clipped, &deviation_max}) *sum = at::zeros({}, device);
  }
  void add(const algorithms::LossTerms& done) {
    loss += done.loss_sum;
    if (done.distance_sum.defined()) kl += done.distance_sum;
    if (!done.ratio_deviation_max.defined()) return;
    approx_kl += done.approx_kl_sum;
    clipped += done.clipped_sum;
    deviation_max = at::maximum(deviation_max, done.ratio_deviation_max);
  }
  void share(comm::Group& group) {
    group.sum({loss, kl, approx_kl, clipped});
    group.max(deviation_max);
  }
};

// Samples of all processes that are in the loss and in the regularizer.
void share_counts(UpdateReport& report, comm::Group& group) {
  if (group.is_one()) return;
  const at::Tensor counts = at::tensor({report.trained, report.regularized}, at::kLong);
  group.sum({counts});
  report.trained = counts[0].item<int64_t>();
  report.regularized = counts[1].item<int64_t>();
}

int64_t trained_rows(const MicroBatch& batch, const Hooks& hooks) {
  return int64_t(hooks.value(batch.weights_B.sum(), double(batch.weights_B.numel())));
}

// All trained rows unless the micro-batch names some.
int64_t regularized_rows(const MicroBatch& batch, const Hooks& hooks) {
  return batch.regularized.defined() ? batch.regularized.numel() : trained_rows(batch, hooks);
}

// Of the item's rows; the old policy's, where nobody made it before the update, is the current one's.
algorithms::Predictions predictions_at(const MicroBatch& batch, const algorithms::TrainItem& item) {
  const auto made = batch.others.find(item.index);
  algorithms::Predictions all = made == batch.others.end() ? algorithms::Predictions{} : made->second;
  all.anchored = batch.regularized;
  all.current = predict(batch, item);
  if (!all.old.defined()) all.old = all.current.detach();
  return all;
}

}  // namespace

at::Tensor predict(const MicroBatch& batch, const algorithms::TrainItem& item) {
  if (!item.points.empty()) return batch.at_points(item.x_BCHW, item.points);
  // The same network on the same rows as in the rollout: before the first update the ratio is exactly 1.
  const auto kept = batch.trajectories.predictions.find(item.index);
  return kept != batch.trajectories.predictions.end() ? kept->second : batch.denoiser(item.x_BCHW, item.step);
}

algorithms::LossTerms accumulate_item(const MicroBatch& batch, const UpdateInputs& inputs,
                                      const algorithms::TrainItem& item, const UpdateTerms& terms) {
  algorithms::LossTerms done = inputs.objective.loss(item, predictions_at(batch, item));
  at::Tensor loss = done.loss_sum / terms.policy;
  if (done.distance_sum.defined())
    loss = loss +
           done.distance_sum * (inputs.objective.regularizer().weight * inputs.anchor / terms.regularizer);
  loss.backward();
  done.loss_sum = done.loss_sum.detach();
  if (done.distance_sum.defined()) done.distance_sum = done.distance_sum.detach();
  return done;
}

UpdateReport accumulate_gradient(const std::vector<MicroBatch*>& micro_batches, const UpdateInputs& inputs,
                                 AdamW& optimizer, Hooks& hooks, comm::Group& group) {
  UpdateReport report;
  for (const MicroBatch* batch : micro_batches) {
    report.trained += trained_rows(*batch, hooks);
    report.regularized += regularized_rows(*batch, hooks);
  }
  share_counts(report, group);
  if (report.trained == 0) return report;

  const double items = double(inputs.objective.items_per_picture(inputs.steps));
  const UpdateTerms terms{.policy = double(report.trained) * items,
                          .regularizer = std::max(1.0, double(report.regularized)) * items};
  Sums sums(optimizer.device());
  for (MicroBatch* batch : micro_batches)
    hooks.train(*batch, inputs, [&](const algorithms::TrainItem& item) {
      sums.add(accumulate_item(*batch, inputs, item, terms));
    });
  if (!group.is_one()) {
    sums.share(group);
    optimizer.sum_gradients(group);
  }
  const auto value = [&](const at::Tensor& sum) { return hooks.value(sum, 0); };
  report.loss = value(sums.loss) / terms.policy;
  report.kl = value(sums.kl) / terms.regularizer;
  report.approx_kl = value(sums.approx_kl) / terms.policy;
  report.clip_fraction = value(sums.clipped) / terms.policy;
  report.ratio_max_deviation = value(sums.deviation_max);
  report.grad_norm = value(optimizer.grad_norm());
  report.finite = std::isfinite(report.loss) && std::isfinite(report.kl) && std::isfinite(report.grad_norm);
  return report;
}

UpdateReport accumulate_gradient(const std::vector<MicroBatch*>& micro_batches, const UpdateInputs& inputs,
                                 AdamW& optimizer) {
  comm::Group one;
  return accumulate_gradient(micro_batches, inputs, optimizer, Hooks::none(), one);
}

}  // namespace gamut::train
