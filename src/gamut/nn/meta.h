// SPDX-License-Identifier: Apache-2.0
// Networks on tensors without data (at::kMeta): shapes, types, gradients and the life of each tensor are
// real, values do not exist. With cost.h this says what a network costs before any of its weights is read.
//
//   nn::MetaStandsFor device(at::kCPU);          // which kernels a meta tensor would take
//   Pipeline pipe = Pipeline::open(folder, {.device = at::kMeta, .dtype = at::kFloat});
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

namespace gamut::nn {

// While it lives, meta tensors of this thread take the paths that tensors of `device` take. On creation it
// also registers shapes for the operations that LibTorch knows on real devices only (once per process).
class MetaStandsFor {
 public:
  explicit MetaStandsFor(at::Device device);
  ~MetaStandsFor();
  MetaStandsFor(const MetaStandsFor&) = delete;
  MetaStandsFor& operator=(const MetaStandsFor&) = delete;

 private:
  at::Device before_;
};

// Whether gamut's own CPU kernels compute on it: a tensor of the CPU, or a meta tensor that stands for one.
bool is_on_cpu(const at::Tensor& tensor);

}  // namespace gamut::nn
