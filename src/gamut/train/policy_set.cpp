// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/policy_set.h"

#include "gamut/algorithms/nft.h"
#include "gamut/algorithms/uncertainty_gate.h"
#include "gamut/core/error.h"
#include "gamut/train/policy.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace gamut::train {
namespace {

using algorithms::Policy;
using algorithms::TrainItem;

void copy_all(const std::vector<nn::NamedTensor>& to, const std::vector<nn::NamedTensor>& from) {
  at::NoGradGuard no_grad;
  GAMUT_CHECK(to.size() == from.size(), to.size(), " and ", from.size(), " tensors");
  for (size_t i = 0; i < to.size(); ++i) to[i].tensor.detach().copy_(from[i].tensor);
}

std::vector<nn::NamedTensor> copies_of(const std::vector<nn::NamedTensor>& tensors) {
  std::vector<nn::NamedTensor> copies;
  for (const auto& [name, tensor] : tensors) copies.push_back({name, tensor.detach().clone()});
  return copies;
}

template <class T>
std::vector<T> pick(const std::vector<T>& rows, const std::vector<int64_t>& index) {
  std::vector<T> out;
  for (const int64_t i : index) out.push_back(rows[size_t(i)]);
  return out;
}

// The network of one policy on some rows.
struct Asked {
  diffusion::Denoiser at_step;
  diffusion::PointDenoiser at_points;
  Asked(const models::Pipeline& network, const std::vector<SampleRow>& rows, const Actor& actor,
        const std::vector<diffusion::Step>& schedule)
      : at_step(actor.denoiser(network, rows)), at_points(actor.point_denoiser(network, rows, schedule)) {}
  at::Tensor operator()(const TrainItem& item) const {
    return item.points.empty() ? at_step(item.x_BCHW, item.step) : at_points(item.x_BCHW, item.points);
  }
};

}  // namespace

PolicySet::PolicySet(const TrainConfig& config, const models::Pipeline& policy,
                     const std::vector<nn::NamedTensor>& trained, const algorithms::Needs& needs)
    : regularizer_(config.slots.regularizer),
      objective_(config.slots.objective),
      asks_old_(needs.old && (needs.slow_old || config.rollout.updates > 1)),
      shares_network_(config.lora.is_on()),
      policy_(policy),
      trained_(trained) {
  if (needs.slow_old) held_[Policy::kOld] = copies_of(trained);
  if (!regularizer_.is_on()) return;
  const Policy reference = algorithms::policy_of(regularizer_);
  if (!shares_network_) {
    second_ = models::Pipeline::open_without_text(config.model, reference_params(config, policy.options()));
    held_[reference] = second_->denoiser_params().params();
  } else if (reference != Policy::kBase) {
    held_[reference] = copies_of(trained);
  }
}

PolicySet::Use::Use(const PolicySet& set, Policy name)
    : network_(set.second_ && name == algorithms::policy_of(set.regularizer_) ? *set.second_ : set.policy_) {
  if (&network_ != &set.policy_ || name == Policy::kCurrent) return;
  const auto held = set.held_.find(name);
  if (held != set.held_.end())
    borrowed_.emplace(set.trained_, held->second);
  else if (name == Policy::kBase)
    base_.emplace(set.policy_.denoiser_params());
}

void PolicySet::follow_average(const std::vector<nn::NamedTensor>& average) {
  const auto held = held_.find(Policy::kAverage);
  if (held != held_.end()) copy_all(held->second, average);
}

void PolicySet::add_predictions(MicroBatch& batch, const std::vector<SampleRow>& rows,
                                const std::vector<uint8_t>& marked, const Actor& actor,
                                const UpdateInputs& inputs) const {
  at::NoGradGuard no_grad;
  if (asks_old_) add_old(batch, rows, actor, inputs);
  if (regularizer_.is_on()) add_reference(batch, rows, marked, actor, inputs);
}

void PolicySet::add_old(MicroBatch& batch, const std::vector<SampleRow>& rows, const Actor& actor,
                        const UpdateInputs& inputs) const {
  const Use old = use(Policy::kOld);
  const Asked network(old.network(), rows, actor, inputs.steps.schedule);
  for (const TrainItem& item : inputs.objective.items(batch, inputs.steps))
    batch.others[item.index].old = network(item);
}

void PolicySet::add_reference(MicroBatch& batch, const std::vector<SampleRow>& rows,
                              const std::vector<uint8_t>& marked, const Actor& actor,
                              const UpdateInputs& inputs) const {
  std::vector<int64_t> chosen;
  for (size_t row = 0; row < marked.size(); ++row)
    if (marked[row]) chosen.push_back(int64_t(row));
  const bool all = chosen.size() == rows.size();
  if (!all) batch.regularized = at::tensor(chosen, at::kLong).to(batch.weights_B.device());
  if (chosen.empty()) return;
  const Use reference = use(algorithms::policy_of(regularizer_));
  const Asked network(reference.network(), all ? rows : pick(rows, chosen), actor, inputs.steps.schedule);
  for (TrainItem& item : inputs.objective.items(batch, inputs.steps)) {
    if (!inputs.objective.anchors(item)) continue;
    if (!all) {
      item.x_BCHW = item.x_BCHW.index_select(0, batch.regularized);
      if (!item.points.empty()) item.points = pick(item.points, chosen);
    }
    batch.others[item.index].reference = network(item);
  }
}

bool PolicySet::renew(double kl) {
  const auto held = held_.find(Policy::kPeriodic);
  if (held == held_.end()) return false;
  ++since_renewal_;
  if (!algorithms::reference_is_due(regularizer_, kl, since_renewal_)) return false;
  copy_all(held->second, trained_);
  since_renewal_ = 0;
  return true;
}

void PolicySet::age_old(int64_t updates_done) {
  const auto held = held_.find(Policy::kOld);
  if (held == held_.end()) return;
  at::NoGradGuard no_grad;
  const double decay = algorithms::old_decay(objective_, updates_done);
  for (size_t i = 0; i < trained_.size(); ++i)
    held->second[i].tensor.lerp_(trained_[i].tensor.detach(), 1 - decay);
}

std::map<std::string, std::vector<nn::NamedTensor>> PolicySet::stored() const {
  std::map<std::string, std::vector<nn::NamedTensor>> files;
  for (const auto& [name, weights] : held_) {
    if (name == Policy::kPeriodic) files["reference"] = weights;
    if (name == Policy::kOld) files["old"] = weights;
  }
  return files;
}

}  // namespace gamut::train
