// SPDX-License-Identifier: Apache-2.0
// The gradient of a convolution's weights, channels-last, fp32. A linear layer is the 1x1 case with height 1.
//
// Each value is summed over the pixels in one fixed order, whatever the number of threads: threads share the
// weights out between them, never the pixels.
#pragma once

#include <cstdint>

namespace gamut::nn::kernels {

// Input channels come in multiples of this, output channels in multiples of kOutMultiple.
constexpr int64_t kInMultiple = 16, kOutMultiple = 4;

struct ConvShape {
  int64_t batch = 1;
  int64_t height = 1, width = 1, in_channels = 0;  // x [batch, height, width, in_channels]
  int64_t out_height = 1, out_width = 1,
          out_channels = 0;  // grad_y [batch, out_height, out_width, out_channels]
  int64_t kernel = 1, stride = 1, padding = 0;
};

// A linear layer on `rows` rows.
constexpr ConvShape matrix_shape(int64_t rows, int64_t in_channels, int64_t out_channels) {
  return {1, 1, rows, in_channels, 1, rows, out_channels, 1, 1, 0};
}

// Number of independent pieces of the gradient.
int64_t weight_gradient_tiles(const ConvShape& shape);
// Adds pieces begin … end-1 to grad_weight [out_channels, kernel, kernel, in_channels].
void add_weight_gradient(const ConvShape& shape, const float* x, const float* grad_y, int64_t begin,
                         int64_t end, float* grad_weight);

// Adds the sum of rows [rows, channels] to `sums` [channels]; channels is a multiple of kOutMultiple.
void add_column_sums(int64_t rows, int64_t channels, const float* values, float* sums);

}  // namespace gamut::nn::kernels
