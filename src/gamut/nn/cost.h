// SPDX-License-Identifier: Apache-2.0
// What networks on the meta device cost: FLOPs and bytes, counted while their own code runs (see meta.h).
//
//   FlopCounter flops;  MetaMemory::reset_peak();
//   net(x).sum().backward();
//   flops.total();  MetaMemory::peak();
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gamut::nn {

// FLOPs of this thread's operations while it lives: 2 per multiply-add of convolutions, products of matrices
// and attention, forward and backward; everything else (norms, activations, sums, optimizer) counts nothing,
// which is the field's convention (PyTorch's FlopCounterMode). Counters may nest; each counts all.
class FlopCounter {
 public:
  FlopCounter();
  ~FlopCounter();
  FlopCounter(const FlopCounter&) = delete;
  FlopCounter& operator=(const FlopCounter&) = delete;
  double total() const { return total_; }

 private:
  friend void count_flops(double flops);
  double total_ = 0;
  FlopCounter* outer_;
  uint64_t callback_ = 0;
};

// Adds to this thread's counters; called by kernels that no observer of LibTorch sees, for meta tensors only.
void count_flops(double flops);
inline const at::Tensor& counted(const at::Tensor& result, double flops) {
  count_flops(flops);
  return result;
}

// Bytes that meta tensors would hold, over the whole process: every storage from its allocation to the end of
// its last owner, whether that is a variable, a gradient or autograd's graph. Counted from the first call on.
struct MetaMemory {
  static int64_t live();
  static int64_t peak();  // largest `live` since the last reset
  static void reset_peak();
};

}  // namespace gamut::nn
