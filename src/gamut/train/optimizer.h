// SPDX-License-Identifier: Apache-2.0
// AdamW (decoupled weight decay) over named parameters, on LibTorch's fused kernel, with its state in plain
// sight.
#pragma once

#include "gamut/core/config.h"
#include "gamut/nn/params.h"
#include "gamut/train/shards.h"

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
  // With divided `shards` each process holds its slice of the moments and updates its slice of the weights;
  // what is marked with * is then called by all processes alike.
  AdamW(std::vector<nn::NamedTensor> params, const OptimizerConfig& config, Shards shards = {});

  // * Makes every parameter's gradient the sum over all processes, as far as step() here needs it.
  void sum_gradients(comm::Group& group);
  // * Euclidean norm over all gradients, an fp32 scalar on their device; not finite when any gradient is not.
  at::Tensor grad_norm() const;
  // Scales the gradients by min(1, max_grad_norm / (norm + 1e-6)), `norm` being grad_norm(); waits for no
  // device.
  void clip_gradients(const at::Tensor& norm);
  void step(double learning_rate);  // *
  void step() { step(config_.learning_rate); }
  void zero_grad();

  int64_t steps_done() const { return steps_done_; }
  at::Device device() const { return params_.front().tensor.device(); }
  // * "exp_avg.<name>" and "exp_avg_sq.<name>" in the parameters' shapes, for checkpoints; of divided
  // moments in the process that leads, and nothing in the others, which call it all the same.
  std::vector<nn::NamedTensor> state() const;
  // DataError when a tensor is missing or of another shape.
  void load_state(const nn::TensorMap& state, int64_t steps_done);

 private:
  std::vector<at::Tensor> weights() const;
  std::vector<at::Tensor> gradients() const;
  std::vector<nn::NamedTensor> params_;
  OptimizerConfig config_;
  Shards shards_;
  // Of what this process updates: the parameters, or pieces of them.
  std::vector<at::Tensor> tensors_, exp_avg_, exp_avg_sq_, step_counts_;
  int64_t steps_done_ = 0;
};

}  // namespace gamut::train
