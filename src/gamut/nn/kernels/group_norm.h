// SPDX-License-Identifier: Apache-2.0
// Group normalization of one channels-last sample, with an optional SiLU behind it and an optional
// per-channel shift before it, in three passes over the sample while it lies in the cache.
#pragma once

#include <cstdint>

namespace gamut::nn::kernels {

// Channels come in multiples of this.
constexpr int64_t kNormMultiple = 16;

struct GroupNormShape {
  int64_t pixels = 0;
  int64_t channels = 0;  // a multiple of kNormMultiple and of groups
  int64_t groups = 1;
  float eps = 1e-5F;
  bool silu = true;
};

// Floats of `scratch` that both directions need.
constexpr int64_t group_norm_scratch(int64_t channels) { return 6 * channels; }

struct GroupNormInput {
  const float* x;       // [pixels, channels]
  const float* shift;   // [channels], added to every pixel; null = none
  const float* weight;  // [channels]
  const float* bias;    // [channels]
};

// Of each group, kept for the way back.
struct GroupStatistics {
  float* mean;  // [groups]
  float* rstd;  // [groups], 1 / sqrt(variance + eps)
};

// y = silu(group_norm(x + shift)).
void group_norm_forward(const GroupNormShape& shape, const GroupNormInput& in, const GroupStatistics& kept,
                        float* y, float* scratch);

struct GroupNormGradients {
  float* x;       // [pixels, channels]
  float* shift;   // [channels]; null = not wanted
  float* weight;  // [channels], this sample's share
  float* bias;    // [channels], this sample's share
};

void group_norm_backward(const GroupNormShape& shape, const GroupNormInput& in, const GroupStatistics& kept,
                         const float* grad_y, const GroupNormGradients& grad, float* scratch);

}  // namespace gamut::nn::kernels
