// SPDX-License-Identifier: Apache-2.0
// AdamW (decoupled weight decay) over named parameters, on LibTorch's fused kernel, with its state in plain
// sight.
#pragma once

#include "gamut/core/config.h"
#include "gamut/nn/params.h"

#include <vector>

namespace gamut::train {

// [optimizer] of a recipe.
struct OptimizerConfig {
  double learning_rate = 3e-4;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 1e-4;
  double max_grad_norm = 1.0;
  void fields(FieldVisitor& v);
};

class AdamW {
 public:
  AdamW(std::vector<nn::NamedTensor> params, const OptimizerConfig& config);

  // Euclidean norm over all gradients, an fp32 scalar on their device; not finite when any gradient is not.
  at::Tensor grad_norm() const;
  // Scales the gradients by min(1, max_grad_norm / (norm + 1e-6)), `norm` being grad_norm(); waits for no
  // device.
  void clip_gradients(const at::Tensor& norm);
  void step(double learning_rate);
  void step() { step(config_.learning_rate); }
  void zero_grad();
  // Every parameter's gradient, made where there was none: processes sum them in place.
  std::vector<at::Tensor> own_gradients();

  int64_t steps_done() const { return steps_done_; }
  at::Device device() const { return tensors_.front().device(); }
  // "exp_avg.<name>" and "exp_avg_sq.<name>", for checkpoints.
  std::vector<nn::NamedTensor> state() const;
  // DataError when a tensor is missing or of another shape.
  void load_state(const nn::TensorMap& state, int64_t steps_done);

 private:
  std::vector<at::Tensor> gradients() const;
  std::vector<nn::NamedTensor> params_;
  OptimizerConfig config_;
  std::vector<at::Tensor> tensors_, exp_avg_, exp_avg_sq_, step_counts_;
  int64_t steps_done_ = 0;
};

}  // namespace gamut::train
