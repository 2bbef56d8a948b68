// SPDX-License-Identifier: Apache-2.0
// diffusers' ResnetBlock2D: norm, SiLU, convolution, plus time; norm, SiLU, convolution, plus the input.
#pragma once

#include "gamut/nn/layers.h"

#include <optional>

namespace gamut::nn {

struct ResnetOptions {
  int64_t in_channels = 0, out_channels = 0;
  int64_t time_width = 0;  // 0: the block is told nothing of time
  GroupNormOptions norm;
  bool scale_shift = false;        // time scales and shifts the second norm instead of adding to its input
  double output_scale_factor = 1;  // the sum is divided by it
};

struct ResnetBlock2D {
  ResnetBlock2D(const Scope& scope, const ResnetOptions& options);
  // x [B, in, H, W]; silu_time [B or 1, time_width] is the time embedding after its SiLU, shared by all
  // blocks; undefined without time.
  Tensor operator()(const Tensor& x, const Tensor& silu_time) const;

  GroupNorm norm1;
  Conv2d conv1;
  std::optional<Linear> time_emb_proj;
  GroupNorm norm2;
  Conv2d conv2;
  std::optional<PointwiseConv2d> conv_shortcut;
  bool scale_shift;
  double output_scale_factor;
};

}  // namespace gamut::nn
