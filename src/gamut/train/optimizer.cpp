// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/optimizer.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace gamut::train {

void OptimizerConfig::fields(FieldVisitor& v) {
  v.field("learning_rate", learning_rate, at_least(0), "AdamW step size");
  v.field("beta1", beta1, from_to_below(0, 1), "decay of the first moment");
  v.field("beta2", beta2, from_to_below(0, 1), "decay of the second moment");
  v.field("eps", eps, above(0), "added to the root of the second moment");
  v.field("weight_decay", weight_decay, at_least(0), "decoupled weight decay");
  v.field("max_grad_norm", max_grad_norm, above(0), "gradients are scaled down to this norm");
}

AdamW::AdamW(std::vector<nn::NamedTensor> params, const OptimizerConfig& config)
    : params_(std::move(params)), config_(config) {
  for (const nn::NamedTensor& param : params_) {
    tensors_.push_back(param.tensor);
    exp_avg_.push_back(at::zeros_like(param.tensor));
    exp_avg_sq_.push_back(at::zeros_like(param.tensor));
    step_counts_.push_back(at::zeros({}, param.tensor.options().dtype(at::kFloat).requires_grad(false)));
  }
}

// A parameter without a gradient (unused in this loss) counts as zero gradient, so that the state stays
// aligned.
std::vector<at::Tensor> AdamW::gradients() const {
  std::vector<at::Tensor> grads;
  for (const at::Tensor& tensor : tensors_)
    grads.push_back(tensor.grad().defined() ? tensor.grad() : at::zeros_like(tensor));
  return grads;
}

at::Tensor AdamW::grad_norm() const {
  at::NoGradGuard no_grad;
  return at::stack(at::_foreach_norm(gradients())).norm();
}

void AdamW::clip_gradients(const at::Tensor& norm) {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> grads = gradients();
  at::_foreach_mul_(grads, at::clamp_max(config_.max_grad_norm / (norm + 1e-6), 1.0));
}

void AdamW::step(double learning_rate) {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> grads = gradients();
  at::_foreach_add_(step_counts_, 1);
  at::_fused_adamw_(tensors_, grads, exp_avg_, exp_avg_sq_, /*max_exp_avg_sqs=*/{}, step_counts_,
                    learning_rate, config_.beta1, config_.beta2, config_.weight_decay, config_.eps,
                    /*amsgrad=*/false,
                    /*maximize=*/false);
  ++steps_done_;
}

void AdamW::zero_grad() {
  for (at::Tensor& tensor : tensors_) tensor.mutable_grad() = at::Tensor();
}

std::vector<at::Tensor> AdamW::own_gradients() {
  for (at::Tensor& tensor : tensors_)
    if (!tensor.grad().defined()) tensor.mutable_grad() = at::zeros_like(tensor).detach();
  return gradients();
}

std::vector<nn::NamedTensor> AdamW::state() const {
  std::vector<nn::NamedTensor> state;
  for (size_t i = 0; i < params_.size(); ++i) state.push_back({"exp_avg." + params_[i].name, exp_avg_[i]});
  for (size_t i = 0; i < params_.size(); ++i)
    state.push_back({"exp_avg_sq." + params_[i].name, exp_avg_sq_[i]});
  return state;
}

void AdamW::load_state(const nn::TensorMap& state, int64_t steps_done) {
  at::NoGradGuard no_grad;
  for (nn::NamedTensor& entry : this->state()) {
    const auto found = state.find(entry.name);
    if (found == state.end() || found->second.sizes() != entry.tensor.sizes())
      throw DataError("checkpoint", cat("optimizer state '", entry.name, "' is ",
                                        found == state.end() ? "missing" : "of another shape",
                                        "; was the checkpoint written by another model?"));
    nn::check_weight(found->second, "checkpoint", entry.name);
    entry.tensor.copy_(found->second);
  }
  for (size_t i = 0; i < params_.size(); ++i)
    if (exp_avg_sq_[i].lt(0).any().item<bool>())
      throw DataError("checkpoint", cat("optimizer state 'exp_avg_sq.", params_[i].name,
                                        "' must hold squares; got negative numbers; the file is damaged"));
  steps_done_ = steps_done;
  for (at::Tensor& count : step_counts_) count.fill_(double(steps_done));
}

}  // namespace gamut::train
