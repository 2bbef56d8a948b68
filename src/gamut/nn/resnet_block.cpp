// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/resnet_block.h"

#include <ATen/ATen.h>

namespace gamut::nn {
namespace {

std::optional<Linear> make_time_projection(const Scope& scope, const ResnetOptions& options) {
  if (options.time_width == 0) return std::nullopt;
  return Linear(scope, options.time_width, options.out_channels * (options.scale_shift ? 2 : 1));
}

}  // namespace

ResnetBlock2D::ResnetBlock2D(const Scope& scope, const ResnetOptions& options)
    : norm1(scope["norm1"], options.in_channels, options.norm),
      conv1(scope["conv1"], options.in_channels, options.out_channels),
      time_emb_proj(make_time_projection(scope["time_emb_proj"], options)),
      norm2(scope["norm2"], options.out_channels, options.norm),
      conv2(scope["conv2"], options.out_channels, options.out_channels),
      scale_shift(options.scale_shift),
      output_scale_factor(options.output_scale_factor) {
  if (options.in_channels != options.out_channels) {
    conv_shortcut.emplace(scope["conv_shortcut"], options.in_channels, options.out_channels);
  }
}

Tensor ResnetBlock2D::operator()(const Tensor& x, const Tensor& silu_time) const {
  const Tensor time = time_emb_proj ? (*time_emb_proj)(silu_time) : Tensor();
  Tensor h = conv1(norm1.silu(x));
  if (scale_shift) {
    const auto parts = time.unsqueeze(2).unsqueeze(3).chunk(2, 1);
    h = at::silu(norm2(h) * (1 + parts[0]) + parts[1]);
  } else {
    h = norm2.silu(h, time);
  }
  h = conv2(h);
  if (conv_shortcut) {
    h = from_tokens(conv_shortcut->on_tokens(to_tokens(x), to_tokens(h)), h.size(2), h.size(3));
  } else {
    h = h.add_(x);
  }
  return output_scale_factor == 1 ? h : h / output_scale_factor;
}

}  // namespace gamut::nn
