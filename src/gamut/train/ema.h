// SPDX-License-Identifier: Apache-2.0
// Exponential moving average of the trained weights, in flow_grpo's form: at update s (from 0), when
// (s + 1) mod every = 0, ema <- d ema + (1 - d) weights with d = min((1 + s) / (10 + s), decay).
// Decay 0 keeps no average: whatever `every` says, ema = weights after each update.
#pragma once

#include "gamut/core/config.h"
#include "gamut/nn/params.h"
#include "gamut/train/shards.h"

#include <vector>

namespace gamut::train {

// [ema] of a recipe.
struct EmaConfig {
  double decay = 0.9;
  int64_t every = 8;
  void fields(FieldVisitor& v);
};

class Ema {
 public:
  // With divided `shards` each process averages its slice, and weights(), stored() and final_weights() put
  // them together on the CPU: all processes call these alike then.
  Ema(std::vector<nn::NamedTensor> params, const EmaConfig& config, Shards shards = {});
  void update(int64_t updates_done);  // after the optimizer's step; updates_done counts from 1
  std::vector<nn::NamedTensor> weights() const;
  std::vector<nn::NamedTensor> stored() const;  // weights(), of divided ones only in the process that leads
  // The average as a run ends: updates since the last application are taken in by one more. weights() stays.
  std::vector<nn::NamedTensor> final_weights(int64_t updates_done) const;
  void load(const nn::TensorMap& weights);

 private:
  bool is_due(int64_t updates_done) const;
  double share_of_weights(int64_t updates_done) const;  // 1 - d
  std::vector<nn::NamedTensor> whole(const std::vector<at::Tensor>& own) const;
  std::vector<nn::NamedTensor> named(const std::vector<at::Tensor>& all) const;

  std::vector<nn::NamedTensor> params_;
  Shards shards_;
  std::vector<at::Tensor> tensors_, average_;  // of what this process averages
  EmaConfig config_;
};

// Puts other weights into a network while it lives, and the old ones back at its end.
class BorrowedWeights {
 public:
  BorrowedWeights(const std::vector<nn::NamedTensor>& params, const std::vector<nn::NamedTensor>& weights);
  ~BorrowedWeights();
  BorrowedWeights(const BorrowedWeights&) = delete;
  BorrowedWeights& operator=(const BorrowedWeights&) = delete;

 private:
  std::vector<nn::NamedTensor> params_;
  std::vector<at::Tensor> saved_;
};

// Those of `weights` that `params` name, in their order; DataError for a missing, surplus or misshaped
// tensor.
std::vector<at::Tensor> matching_weights(const std::vector<nn::NamedTensor>& params,
                                         const nn::TensorMap& weights, std::string_view origin);
// Copies `weights` into `params` by name; DataError as matching_weights, before anything is copied.
void copy_weights(const std::vector<nn::NamedTensor>& params, const nn::TensorMap& weights,
                  std::string_view origin);

}  // namespace gamut::train
