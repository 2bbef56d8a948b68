// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/kernels/attention.h"

#include "gamut/nn/kernels/lanes.h"

#include <math.h>

namespace gamut::nn::kernels::GAMUT_PATH {
namespace {

// Sixteen rows side by side: lane i of columns[d] is row i's number d.
struct Block {
  float columns[kMaxHeadWidth][kWidth];
};

// Sums at once, each sixteen lanes wide: they fill half of the registers. Head widths are multiples of 8, and
// so of it.
constexpr int64_t kSums = kIsa.registers / 2 / kParts < 8 ? kIsa.registers / 2 / kParts : 8;

GAMUT_INLINE int64_t lanes_left(int64_t begin, int64_t end) {
  return end - begin < kWidth ? end - begin : kWidth;
}

GAMUT_INLINE void gather(Block& block, ConstRows rows, int64_t begin, int64_t count, int64_t width,
                         float scale) {
  for (int64_t lane = 0; lane < kWidth; ++lane) {
    const float* row = rows.data + (begin + (lane < count ? lane : 0)) * rows.stride;
    for (int64_t d = 0; d < width; ++d) {
      block.columns[d][lane] = lane < count ? scale * row[d] : 0.0F;
    }
  }
}

GAMUT_INLINE void scatter(const Block& block, MutableRows rows, int64_t begin, int64_t count, int64_t width) {
  for (int64_t lane = 0; lane < count; ++lane) {
    float* row = rows.data + (begin + lane) * rows.stride;
    for (int64_t d = 0; d < width; ++d) {
      row[d] = block.columns[d][lane];
    }
  }
}

GAMUT_INLINE Wide gather_values(const float* values, int64_t begin, int64_t count) {
  float lanes[kWidth] = {};
  for (int64_t lane = 0; lane < count; ++lane) {
    lanes[lane] = values[begin + lane];
  }
  return load_wide(lanes);
}

// dots[i] = block . rows[begin + i], lane by lane.
template <int64_t kCount>
GAMUT_INLINE void multiply(const Block& block, ConstRows rows, int64_t begin, int64_t width, float* dots) {
  Wide sums[kCount] = {};
  for (int64_t d = 0; d < width; ++d) {
    const Wide column = load_wide(block.columns[d]);
    for (int64_t i = 0; i < kCount; ++i) {
      sums[i] = sums[i] + column * rows.data[(begin + i) * rows.stride + d];
    }
  }
  for (int64_t i = 0; i < kCount; ++i) {
    store(dots + i * kWidth, sums[i]);
  }
}

GAMUT_INLINE void multiply_all(const Block& block, ConstRows rows, int64_t count, int64_t width,
                               float* dots) {
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    multiply<kSums>(block, rows, i, width, dots + i * kWidth);
  }
  for (; i < count; ++i) {
    multiply<1>(block, rows, i, width, dots + i * kWidth);
  }
}

// Lane by lane over `count` vectors; four chains, since one would wait for itself.
GAMUT_INLINE Wide largest(const float* vectors, int64_t count) {
  Wide tops[4] = {load_wide(vectors), load_wide(vectors), load_wide(vectors), load_wide(vectors)};
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (int64_t k = 0; k < 4; ++k) {
      tops[k] = larger(tops[k], load_wide(vectors + (i + k) * kWidth));
    }
  }
  for (; i < count; ++i) {
    tops[0] = larger(tops[0], load_wide(vectors + i * kWidth));
  }
  return larger(larger(tops[0], tops[1]), larger(tops[2], tops[3]));
}

// block = factor * sum over rows of weights[row] * row.
GAMUT_INLINE void mix(const float* weights, ConstRows rows, int64_t count, int64_t width, const Wide& factor,
                      Block& block) {
  for (int64_t d = 0; d < width; d += kSums) {
    Wide sums[kSums] = {};
    for (int64_t i = 0; i < count; ++i) {
      const Wide weight = load_wide(weights + i * kWidth);
      const float* row = rows.data + i * rows.stride + d;
      for (int64_t k = 0; k < kSums; ++k) {
        sums[k] = sums[k] + weight * row[k];
      }
    }
    for (int64_t k = 0; k < kSums; ++k) {
      store(block.columns[d + k], factor * sums[k]);
    }
  }
}

}  // namespace

void attention_forward(const HeadShape& shape, const HeadInput& in, MutableRows out, float* log_sum,
                       float* scratch) {
  Block block;
  for (int64_t begin = 0; begin < shape.queries; begin += kWidth) {
    const int64_t count = lanes_left(begin, shape.queries);
    gather(block, in.q, begin, count, shape.width, shape.scale);
    multiply_all(block, in.k, shape.keys, shape.width, scratch);
    const Wide top = largest(scratch, shape.keys);
    Wide sum = {};
    for (int64_t j = 0; j < shape.keys; ++j) {
      const Wide weight = exponential(load_wide(scratch + j * kWidth) - top);
      store(scratch + j * kWidth, weight);
      sum = sum + weight;
    }
    mix(scratch, in.v, shape.keys, shape.width, reciprocal(sum), block);
    scatter(block, out, begin, count, shape.width);
    float tops[kWidth], sums[kWidth];
    store(tops, top);
    store(sums, sum);
    for (int64_t lane = 0; lane < count; ++lane) {
      log_sum[begin + lane] = tops[lane] + ::logf(sums[lane]);
    }
  }
}

// With p the softmax, delta = sum(out * grad_out) per query and s = p * (grad_out . v - delta):
//   grad q = scale * s k,   grad k = scale * s^T q,   grad v = p^T grad_out   (Dao et al. 2022, appendix B).
// s is computed twice, once with queries in the lanes and once with keys.
void attention_backward(const HeadShape& shape, const HeadInput& in, const HeadOutput& output,
                        const HeadGradients& grad, float* delta, float* scratch) {
  Block first, second;
  float *dots = scratch,
        *slopes = scratch + kWidth * (shape.queries > shape.keys ? shape.queries : shape.keys);
  for (int64_t i = 0; i < shape.queries; ++i) {
    float sum = 0;
    for (int64_t d = 0; d < shape.width; ++d) {
      sum +=
          output.out.data[i * output.out.stride + d] * output.grad_out.data[i * output.grad_out.stride + d];
    }
    delta[i] = sum;
  }
  for (int64_t begin = 0; begin < shape.queries; begin += kWidth) {
    const int64_t count = lanes_left(begin, shape.queries);
    gather(first, in.q, begin, count, shape.width, shape.scale);
    gather(second, output.grad_out, begin, count, shape.width, 1.0F);
    multiply_all(first, in.k, shape.keys, shape.width, dots);
    multiply_all(second, in.v, shape.keys, shape.width, slopes);
    const Wide logs = gather_values(output.log_sum, begin, count),
               deltas = gather_values(delta, begin, count);
    for (int64_t j = 0; j < shape.keys * kWidth; j += kWidth) {
      store(slopes + j, exponential(load_wide(dots + j) - logs) * (load_wide(slopes + j) - deltas));
    }
    mix(slopes, in.k, shape.keys, shape.width, splat_wide(shape.scale), first);
    scatter(first, grad.q, begin, count, shape.width);
  }
  for (int64_t begin = 0; begin < shape.keys; begin += kWidth) {
    const int64_t count = lanes_left(begin, shape.keys);
    gather(first, in.k, begin, count, shape.width, shape.scale);
    gather(second, in.v, begin, count, shape.width, 1.0F);
    multiply_all(first, in.q, shape.queries, shape.width, dots);
    multiply_all(second, output.grad_out, shape.queries, shape.width, slopes);
    for (int64_t i = 0; i < shape.queries; ++i) {
      const Wide weight = exponential(load_wide(dots + i * kWidth) - splat_wide(output.log_sum[i]));
      store(dots + i * kWidth, weight);
      store(slopes + i * kWidth, weight * (load_wide(slopes + i * kWidth) - splat_wide(delta[i])));
    }
    mix(dots, output.grad_out, shape.queries, shape.width, splat_wide(1.0F), first);
    scatter(first, grad.v, begin, count, shape.width);
    mix(slopes, in.q, shape.queries, shape.width, splat_wide(shape.scale), first);
    scatter(first, grad.k, begin, count, shape.width);
  }
}

}  // namespace gamut::nn::kernels::GAMUT_PATH
