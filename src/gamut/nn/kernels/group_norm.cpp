// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/kernels/group_norm.h"

#include "gamut/nn/kernels/lanes.h"

#include <math.h>

namespace gamut::nn::kernels::GAMUT_PATH {
namespace {

GAMUT_INLINE Wide sigmoid(Wide y) {
  // Beyond -80 the sigmoid is zero to fp32 anyway, and e^-y stays finite.
  const Wide zero = {}, one = splat_wide(1.0F);
  return reciprocal(one + exponential(zero - larger(y, splat_wide(-80.0F))));
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

// What x is taken from: the group's mean, less the shift that x has not yet got.
GAMUT_INLINE void centers(const GroupNormShape& shape, const GroupNormInput& in, const float* mean,
                          float* center) {
  const int64_t width = shape.channels / shape.groups;
  for (int64_t c = 0; c < shape.channels; ++c) {
    center[c] = mean[c / width] - (in.shift ? in.shift[c] : 0.0F);
  }
}

// The affine map of each channel before SiLU: (x - center) * slope + bias = x * slope + offset.
GAMUT_INLINE void channel_maps(const GroupNormShape& shape, const GroupNormInput& in, const float* rstd,
                               const float* center, float* slope, float* offset) {
  const int64_t width = shape.channels / shape.groups;
  for (int64_t c = 0; c < shape.channels; ++c) {
    slope[c] = rstd[c / width] * in.weight[c];
    offset[c] = in.bias[c] - center[c] * slope[c];
  }
}

GAMUT_INLINE Wide add_up(const float* x, int64_t pixels, int64_t stride) {
  Wide sums[4] = {};
  int64_t i = 0;
  for (; i + 4 <= pixels; i += 4) {
    for (int64_t k = 0; k < 4; ++k) {
      sums[k] = sums[k] + load_wide(x + (i + k) * stride);
    }
  }
  for (; i < pixels; ++i) {
    sums[0] = sums[0] + load_wide(x + i * stride);
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

GAMUT_INLINE Wide add_up_squares(const float* x, int64_t pixels, int64_t stride, Wide center) {
  Wide sums[4] = {};
  int64_t i = 0;
  for (; i + 4 <= pixels; i += 4) {
    for (int64_t k = 0; k < 4; ++k) {
      const Wide centered = load_wide(x + (i + k) * stride) - center;
      sums[k] = sums[k] + centered * centered;
    }
  }
  for (; i < pixels; ++i) {
    const Wide centered = load_wide(x + i * stride) - center;
    sums[0] = sums[0] + centered * centered;
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// What both passes of the way back share, per channel.
struct BackwardScratch {
  float *center, *slope, *offset, *sum_d, *sum_dx, *groups;
  BackwardScratch(float* scratch, int64_t channels)
      : center(scratch),
        slope(center + channels),
        offset(slope + channels),
        sum_d(offset + channels),
        sum_dx(sum_d + channels),
        groups(sum_dx + channels) {}
};

// Leaves the gradient d before SiLU in grad.x, and its sums with one and with (x - center).
GAMUT_INLINE void undo_silu(const GroupNormShape& shape, const GroupNormInput& in, const float* grad_y,
                            const GroupNormGradients& grad, const BackwardScratch& per) {
  for (int64_t c = 0; c < shape.channels; c += kWidth) {
    const Wide a = load_wide(per.slope + c), b = load_wide(per.offset + c),
               center = load_wide(per.center + c);
    const Wide one = splat_wide(1.0F);
    Wide total = {}, product = {};
    for (int64_t i = c; i < shape.pixels * shape.channels; i += shape.channels) {
      const Wide x = load_wide(in.x + i);
      Wide d = load_wide(grad_y + i);
      if (shape.silu) {
        const Wide value = x * a + b, gate = sigmoid(value);
        d = d * (gate * (one + value * (one - gate)));
      }
      store(grad.x + i, d);
      total = total + d;
      product = product + d * (x - center);
    }
    store(per.sum_d + c, total);
    store(per.sum_dx + c, product);
  }
}

// Gradients of weight and bias; then sum_dx and sum_d become `pull` and `rest` of
//   grad x = d * slope - x * pull - rest.
GAMUT_INLINE void group_terms(const GroupNormShape& shape, const GroupNormInput& in, const float* rstd,
                              const GroupNormGradients& grad, const BackwardScratch& per) {
  const int64_t width = shape.channels / shape.groups;
  const float share = 1.0F / float(shape.pixels * width);
  for (int64_t c = 0; c < shape.channels; ++c) {
    per.sum_dx[c] *= rstd[c / width];
    grad.bias[c] = per.sum_d[c];
    grad.weight[c] = per.sum_dx[c];
    per.sum_d[c] *= in.weight[c];
    per.sum_dx[c] *= in.weight[c];
  }
  float *from_sum = per.groups, *from_product = per.offset;
  sum_groups(shape, per.sum_d, share, from_sum);
  sum_groups(shape, per.sum_dx, share, from_product);
  for (int64_t c = 0; c < shape.channels; ++c) {
    const int64_t group = c / width;
    per.sum_dx[c] = rstd[group] * rstd[group] * from_product[group];
    per.sum_d[c] = rstd[group] * from_sum[group] - per.center[c] * per.sum_dx[c];
  }
}

}  // namespace

void group_norm_forward(const GroupNormShape& shape, const GroupNormInput& in, const GroupStatistics& kept,
                        float* y, float* scratch) {
  float *mean = kept.mean, *rstd = kept.rstd;
  const int64_t channels = shape.channels, width = channels / shape.groups;
  const float share = 1.0F / float(shape.pixels * width);
  float *sums = scratch, *center = sums + channels, *slope = center + channels, *offset = slope + channels;
  for (int64_t c = 0; c < channels; c += kWidth) {
    const Wide shift = in.shift ? load_wide(in.shift + c) : Wide{};
    store(sums + c, add_up(in.x + c, shape.pixels, channels) + shift * float(shape.pixels));
  }
  sum_groups(shape, sums, share, mean);
  centers(shape, in, mean, center);
  for (int64_t c = 0; c < channels; c += kWidth) {
    store(sums + c, add_up_squares(in.x + c, shape.pixels, channels, load_wide(center + c)));
  }
  sum_groups(shape, sums, share, rstd);
  for (int64_t group = 0; group < shape.groups; ++group) {
    rstd[group] = 1.0F / ::sqrtf(rstd[group] + shape.eps);
  }
  channel_maps(shape, in, rstd, center, slope, offset);
  for (int64_t c = 0; c < channels; c += kWidth) {
    const Wide a = load_wide(slope + c), b = load_wide(offset + c);
    for (int64_t i = c; i < shape.pixels * channels; i += channels) {
      const Wide value = load_wide(in.x + i) * a + b;
      store(y + i, shape.silu ? value * sigmoid(value) : value);
    }
  }
}

// With n = w * xhat + b and the gradient d of n, per group of M values:
//   grad x = rstd * (w d - (sum(w d) + xhat * sum(w d xhat)) / M).
void group_norm_backward(const GroupNormShape& shape, const GroupNormInput& in, const GroupStatistics& kept,
                         const float* grad_y, const GroupNormGradients& grad, float* scratch) {
  const BackwardScratch per(scratch, shape.channels);
  centers(shape, in, kept.mean, per.center);
  channel_maps(shape, in, kept.rstd, per.center, per.slope, per.offset);
  undo_silu(shape, in, grad_y, grad, per);
  group_terms(shape, in, kept.rstd, grad, per);
  for (int64_t c = 0; c < shape.channels; c += kWidth) {
    const Wide a = load_wide(per.slope + c), pull = load_wide(per.sum_dx + c),
               rest = load_wide(per.sum_d + c);
    Wide total = {};
    for (int64_t i = c; i < shape.pixels * shape.channels; i += shape.channels) {
      // In this order: the compiler fuses the first of the two products with the difference.
      const Wide scaled = load_wide(grad.x + i) * a;
      const Wide gradient = scaled - load_wide(in.x + i) * pull - rest;
      store(grad.x + i, gradient);
      total = total + gradient;
    }
    if (grad.shift) {
      store(grad.shift + c, total);
    }
  }
}

}  // namespace gamut::nn::kernels::GAMUT_PATH
