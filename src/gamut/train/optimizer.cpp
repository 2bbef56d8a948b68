// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/optimizer.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace gamut::train {
namespace {

constexpr const char *kFirst = "exp_avg.", *kSecond = "exp_avg_sq.";

at::Tensor stored_moment(const nn::TensorMap& state, const std::string& name, at::IntArrayRef shape) {
  const auto found = state.find(name);
  if (found == state.end() || found->second.sizes() != shape)
    throw DataError("checkpoint", cat("optimizer state '", name, "' is ",
                                      found == state.end() ? "missing" : "of another shape",
                                      "; was the checkpoint written by another model?"));
  nn::check_weight(found->second, "checkpoint", name);
  return found->second;
}

}  // namespace

void OptimizerConfig::fields(FieldVisitor& v) {
  v.field("learning_rate", learning_rate, at_least(0), "AdamW step size");
  v.field("beta1", beta1, from_to_below(0, 1), "decay of the first moment");
  v.field("beta2", beta2, from_to_below(0, 1), "decay of the second moment");
  v.field("eps", eps, above(0), "added to the root of the second moment");
  v.field("weight_decay", weight_decay, at_least(0), "decoupled weight decay");
  v.field("max_grad_norm", max_grad_norm, above(0), "gradients are scaled down to this norm");
}

AdamW::AdamW(std::vector<nn::NamedTensor> params, const OptimizerConfig& config, Shards shards)
    : params_(std::move(params)),
      config_(config),
      shards_(std::move(shards)),
      tensors_(shards_.own(weights())) {
  for (const at::Tensor& tensor : tensors_) {
    exp_avg_.push_back(at::zeros_like(tensor));
    exp_avg_sq_.push_back(at::zeros_like(tensor));
    step_counts_.push_back(at::zeros({}, tensor.options().dtype(at::kFloat).requires_grad(false)));
  }
}

std::vector<at::Tensor> AdamW::weights() const {
  std::vector<at::Tensor> weights;
  for (const nn::NamedTensor& param : params_) weights.push_back(param.tensor);
  return weights;
}

// A parameter without a gradient (unused in this loss) counts as zero gradient, so that the state stays
// aligned.
std::vector<at::Tensor> AdamW::gradients() const {
  std::vector<at::Tensor> grads;
  for (const auto& [name, tensor] : params_)
    grads.push_back(tensor.grad().defined() ? tensor.grad() : at::zeros_like(tensor));
  return shards_.own(grads);
}

void AdamW::sum_gradients(comm::Group& group) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> grads;
  for (auto& [name, tensor] : params_) {
    at::Tensor& grad = tensor.mutable_grad();
    if (!grad.defined()) grad = at::zeros_like(tensor).detach();
    if (shards_.divided() && grad.strides() != tensor.strides())
      grad = at::empty_like(tensor.detach()).copy_(grad);  // slices are cut in memory
    grads.push_back(grad);
  }
  shards_.divided() ? shards_.sum_own(grads) : group.sum(grads);
}

at::Tensor AdamW::grad_norm() const {
  at::NoGradGuard no_grad;
  if (!shards_.divided()) return at::stack(at::_foreach_norm(gradients())).norm();
  const std::vector<at::Tensor> own = gradients();
  return shards_.norm(own.empty() ? at::zeros({}, params_.front().tensor.options().requires_grad(false))
                                  : at::stack(at::_foreach_norm(own)).norm());
}

void AdamW::clip_gradients(const at::Tensor& norm) {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> grads = gradients();
  if (!grads.empty()) at::_foreach_mul_(grads, at::clamp_max(config_.max_grad_norm / (norm + 1e-6), 1.0));
}

void AdamW::step(double learning_rate) {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> grads = gradients();
  if (!tensors_.empty()) {
    at::_foreach_add_(step_counts_, 1);
    at::_fused_adamw_(tensors_, grads, exp_avg_, exp_avg_sq_, /*max_exp_avg_sqs=*/{}, step_counts_,
                      learning_rate, config_.beta1, config_.beta2, config_.weight_decay, config_.eps,
                      /*amsgrad=*/false,
                      /*maximize=*/false);
  }
  if (shards_.divided()) shards_.share_own(weights());
  ++steps_done_;
}

void AdamW::zero_grad() {
  for (auto& [name, tensor] : params_) tensor.mutable_grad() = at::Tensor();
}

std::vector<nn::NamedTensor> AdamW::state() const {
  std::vector<nn::NamedTensor> state;
  for (const auto& [prefix, moments] : {std::pair{kFirst, &exp_avg_}, std::pair{kSecond, &exp_avg_sq_}}) {
    const std::vector<at::Tensor> all = shards_.divided() ? shards_.whole_at_first(*moments) : *moments;
    for (size_t i = 0; i < all.size(); ++i) state.push_back({prefix + params_[i].name, all[i]});
  }
  return state;
}

void AdamW::load_state(const nn::TensorMap& state, int64_t steps_done) {
  at::NoGradGuard no_grad;
  for (const auto& [prefix, moments] : {std::pair{kFirst, &exp_avg_}, std::pair{kSecond, &exp_avg_sq_}}) {
    std::vector<at::Tensor> stored;
    for (size_t i = 0; i < params_.size(); ++i) {
      const at::Tensor found = stored_moment(state, prefix + params_[i].name, params_[i].tensor.sizes());
      if (prefix == std::string(kSecond) && found.lt(0).any().item<bool>())
        throw DataError("checkpoint", cat("optimizer state '", prefix, params_[i].name,
                                          "' must hold squares; got negative numbers; the file is damaged"));
      stored.push_back(found);
    }
    shards_.take_own(stored, *moments);
  }
  steps_done_ = steps_done;
  for (at::Tensor& count : step_counts_) count.fill_(double(steps_done));
}

}  // namespace gamut::train
