// SPDX-License-Identifier: Apache-2.0
// Low-rank adapters (LoRA, Hu et al. 2021) on linear and convolution layers: y + (alpha / r) B(A(x)).
//
// Each such layer shares an AdapterSlot with the store of its network, under the layer's path:
//
//   store.adapters().at("mid_block.attentions.0.proj_in")->parts.push_back({.down = A, .up = B, .scale = 2});
//
// An empty slot costs the layer one comparison. Adapters compute in fp32 whatever the layer computes in, as
// peft does, and never change the layer's own weight.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

namespace gamut::nn {

struct LowRank {
  at::Tensor down;   // lora_A: [r, in], or [r, in, k, k] on a convolution; fp32
  at::Tensor up;     // lora_B: [out, r], or [out, r, 1, 1]; fp32
  double scale = 1;  // alpha / r
};

struct AdapterSlot {
  at::Tensor weight;                // the layer's own: [out, in] or [out, in, k, k]
  std::vector<LowRank> parts = {};  // summed
  bool on = true;
  bool active() const { return on && !parts.empty(); }
};
using AdapterHandle = std::shared_ptr<AdapterSlot>;

struct ConvGeometry;

// y [..., out], the layer's output for x [..., in], plus the adapters', in y's type.
at::Tensor add_adapters(const AdapterSlot& slot, const at::Tensor& x, const at::Tensor& y);
// The same for convolutions: x [B, in, H, W], y [B, out, H', W'].
at::Tensor add_adapters(const AdapterSlot& slot, const at::Tensor& x, const at::Tensor& y,
                        const ConvGeometry& geometry);
// scale * B A in the shape of the layer's weight, fp32: what merging adds to it.
at::Tensor weight_change(const LowRank& part);

}  // namespace gamut::nn
