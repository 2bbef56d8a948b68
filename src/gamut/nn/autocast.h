// SPDX-License-Identifier: Apache-2.0
// Mixed precision by LibTorch's autocast: weights stay in fp32; convolutions, matrix products and attention
// compute in a shorter type, sums and norms in what autocast has for them.
//
//   const Autocast scope({at::kCPU, at::kBFloat16});   // until the end of the block, in this thread
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceType.h>

#include <optional>

namespace gamut::nn {

struct AutocastState {
  at::DeviceType device = at::kCPU;
  std::optional<at::ScalarType> type;  // empty = off
  // This thread's, on CUDA if it is on there, else on the CPU.
  static AutocastState current();
};

// Sets the state and puts the one before back. Casts of weights are not kept: a forward pass uses each weight
// once, and a copy that was made without gradient must not serve where there is one.
class Autocast {
 public:
  explicit Autocast(const AutocastState& state);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  void set(const AutocastState& state) const;
  at::DeviceType device_;
  AutocastState before_;
  bool kept_casts_before_;
};

// Whether gamut's own CPU kernels may have `x`: fp32 on the CPU, with autocast off.
bool fits_float_kernels(const at::Tensor& x);

}  // namespace gamut::nn
