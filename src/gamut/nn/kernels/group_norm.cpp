// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/kernels/group_norm.h"

#include "gamut/nn/kernels/lanes.h"

#include <cmath>

namespace gamut::nn::kernels {
namespace {

GAMUT_INLINE Floats sigmoid(Floats y) {
  // Beyond -80 the sigmoid is zero to fp32 anyway, and e^-y stays finite.
  return 1.0F / (1.0F + exponential(-larger(y, splat(-80.0F))));
}

// Sums over the channels of each group: out[group] = scale * sum of per_channel.
GAMUT_INLINE void sum_groups(const GroupNormShape& shape, const float* per_channel, float scale, float* out) {
  const int64_t width = shape.channels / shape.groups;
  for (int64_t group = 0; group < shape.groups; ++group) {
    float sum = 0;
    for (int64_t c = group * width; c < (group + 1) * width; ++c) {
      sum += per_channel[c];
    }
    out[group] = scale * sum;
  }
}

// The affine map of each channel: normalized = x * slope + offset, before SiLU.
GAMUT_INLINE void channel_maps(const GroupNormShape& shape, const GroupNormInput& in, const float* mean,
                               const float* rstd, float* slope, float* offset) {
  const int64_t width = shape.channels / shape.groups;
  for (int64_t c = 0; c < shape.channels; ++c) {
    const float center = mean[c / width] - (in.shift ? in.shift[c] : 0.0F);
    slope[c] = rstd[c / width] * in.weight[c];
    offset[c] = in.bias[c] - center * slope[c];
  }
}

GAMUT_INLINE Floats add_up(const float* x, int64_t pixels, int64_t stride) {
  Floats sums[4] = {};
  int64_t i = 0;
  for (; i + 4 <= pixels; i += 4) {
    for (int64_t k = 0; k < 4; ++k) {
      sums[k] += load(x + (i + k) * stride);
    }
  }
  for (; i < pixels; ++i) {
    sums[0] += load(x + i * stride);
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

GAMUT_INLINE Floats add_up_squares(const float* x, int64_t pixels, int64_t stride, Floats center) {
  Floats sums[4] = {};
  int64_t i = 0;
  for (; i + 4 <= pixels; i += 4) {
    for (int64_t k = 0; k < 4; ++k) {
      const Floats centered = load(x + (i + k) * stride) - center;
      sums[k] += centered * centered;
    }
  }
  for (; i < pixels; ++i) {
    const Floats centered = load(x + i * stride) - center;
    sums[0] += centered * centered;
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

GAMUT_KERNEL
void group_norm_forward(const GroupNormShape& shape, const GroupNormInput& in, float* y, float* mean,
                        float* rstd, float* scratch) {
  const int64_t channels = shape.channels, width = channels / shape.groups;
  const float share = 1.0F / float(shape.pixels * width);
  float *sums = scratch, *slope = scratch + channels, *offset = slope + channels;
  for (int64_t c = 0; c < channels; c += kLanes) {
    const Floats shift = in.shift ? load(in.shift + c) : Floats{};
    store(sums + c, add_up(in.x + c, shape.pixels, channels) + shift * float(shape.pixels));
  }
  sum_groups(shape, sums, share, mean);
  for (int64_t c = 0; c < channels; ++c) {
    slope[c] = mean[c / width] - (in.shift ? in.shift[c] : 0.0F);
  }
  for (int64_t c = 0; c < channels; c += kLanes) {
    store(sums + c, add_up_squares(in.x + c, shape.pixels, channels, load(slope + c)));
  }
  sum_groups(shape, sums, share, rstd);
  for (int64_t group = 0; group < shape.groups; ++group) {
    rstd[group] = 1.0F / std::sqrt(rstd[group] + shape.eps);
  }
  channel_maps(shape, in, mean, rstd, slope, offset);
  for (int64_t c = 0; c < channels; c += kLanes) {
    const Floats a = load(slope + c), b = load(offset + c);
    for (int64_t i = c; i < shape.pixels * channels; i += channels) {
      const Floats value = load(in.x + i) * a + b;
      store(y + i, shape.silu ? value * sigmoid(value) : value);
    }
  }
}

// With n = w * xhat + b and the gradient d of n, per group of M values:
//   grad x = rstd * (w d - (sum(w d) + xhat * sum(w d xhat)) / M).
// The first pass leaves d in grad.x and sums it per channel, the second turns it into the gradient.
GAMUT_KERNEL
void group_norm_backward(const GroupNormShape& shape, const GroupNormInput& in, const float* mean,
                         const float* rstd, const float* grad_y, const GroupNormGradients& grad,
                         float* scratch) {
  const int64_t channels = shape.channels, width = channels / shape.groups;
  const float share = 1.0F / float(shape.pixels * width);
  float *slope = scratch, *offset = slope + channels, *sum_d = offset + channels, *sum_dx = sum_d + channels;
  float *from_sum = sum_dx + channels, *from_product = from_sum + channels;
  channel_maps(shape, in, mean, rstd, slope, offset);
  for (int64_t c = 0; c < channels; c += kLanes) {
    const Floats a = load(slope + c), b = load(offset + c);
    Floats total = {}, product = {};
    for (int64_t i = c; i < shape.pixels * channels; i += channels) {
      const Floats x = load(in.x + i);
      Floats d = load(grad_y + i);
      if (shape.silu) {
        const Floats value = x * a + b, gate = sigmoid(value);
        d *= gate * (1.0F + value * (1.0F - gate));
      }
      store(grad.x + i, d);
      total += d;
      product += d * x;
    }
    store(sum_d + c, total);
    store(sum_dx + c, product);
  }
  // sum_dx becomes sum(d * xhat), and the two group sums follow.
  for (int64_t c = 0; c < channels; ++c) {
    const float center = mean[c / width] - (in.shift ? in.shift[c] : 0.0F);
    sum_dx[c] = (sum_dx[c] - center * sum_d[c]) * rstd[c / width];
    grad.bias[c] = sum_d[c];
    grad.weight[c] = sum_dx[c];
    sum_d[c] *= in.weight[c];
    sum_dx[c] *= in.weight[c];
  }
  sum_groups(shape, sum_d, share, from_sum);
  sum_groups(shape, sum_dx, share, from_product);
  // grad x = d * slope - x * pull - rest.
  for (int64_t c = channels - 1; c >= 0; --c) {
    const int64_t group = c / width;
    const float center = mean[group] - (in.shift ? in.shift[c] : 0.0F);
    const float pull = rstd[group] * rstd[group] * from_product[group];
    sum_dx[c] = pull;
    sum_d[c] = rstd[group] * from_sum[group] - center * pull;
  }
  for (int64_t c = 0; c < channels; c += kLanes) {
    const Floats a = load(slope + c), pull = load(sum_dx + c), rest = load(sum_d + c);
    Floats total = {};
    for (int64_t i = c; i < shape.pixels * channels; i += channels) {
      const Floats gradient = load(grad.x + i) * a - load(in.x + i) * pull - rest;
      store(grad.x + i, gradient);
      total += gradient;
    }
    if (grad.shift) {
      store(grad.shift + c, total);
    }
  }
}

}  // namespace gamut::nn::kernels
