// SPDX-License-Identifier: Apache-2.0
// The functions that callers see, each sent on to the path in use.
#include "gamut/nn/kernels/table.h"

namespace gamut::nn::kernels {

void pack(const SmallMatrix& b, float* packed) { table().pack(b, packed); }

void multiply(const Product& product, float* c) { table().multiply(product, c); }

int64_t weight_gradient_tiles(const ConvShape& shape) { return table().weight_gradient_tiles(shape); }

void add_weight_gradient(const ConvShape& shape, const float* x, const float* grad_y, int64_t begin,
                         int64_t end, float* grad_weight) {
  table().add_weight_gradient(shape, x, grad_y, begin, end, grad_weight);
}

void add_column_sums(int64_t rows, int64_t channels, const float* values, float* sums) {
  table().add_column_sums(rows, channels, values, sums);
}

void attention_forward(const HeadShape& shape, const HeadInput& in, MutableRows out, float* log_sum,
                       float* scratch) {
  table().attention_forward(shape, in, out, log_sum, scratch);
}

void attention_backward(const HeadShape& shape, const HeadInput& in, const HeadOutput& output,
                        const HeadGradients& grad, float* delta, float* scratch) {
  table().attention_backward(shape, in, output, grad, delta, scratch);
}

void geglu_forward(int64_t rows, int64_t width, const float* in, float* out) {
  table().geglu_forward(rows, width, in, out);
}

void geglu_backward(int64_t rows, int64_t width, const float* in, const float* grad_out, float* grad_in) {
  table().geglu_backward(rows, width, in, grad_out, grad_in);
}

void group_norm_forward(const GroupNormShape& shape, const GroupNormInput& in, const GroupStatistics& kept,
                        float* y, float* scratch) {
  table().group_norm_forward(shape, in, kept, y, scratch);
}

void group_norm_backward(const GroupNormShape& shape, const GroupNormInput& in, const GroupStatistics& kept,
                         const float* grad_y, const GroupNormGradients& grad, float* scratch) {
  table().group_norm_backward(shape, in, kept, grad_y, grad, scratch);
}

int64_t tile_count(const TiledShape& shape) { return table().tile_count(shape); }

int64_t tile_scratch(const TiledShape& shape) { return table().tile_scratch(shape); }

void transform_tile_weights(const TiledShape& shape, const float* weights, bool reversed, float* to) {
  table().transform_tile_weights(shape, weights, reversed, to);
}

void convolve_tiles(const TiledShape& shape, const float* x, const float* packed, const float* bias,
                    int64_t begin, int64_t end, float* y, float* scratch) {
  table().convolve_tiles(shape, x, packed, bias, begin, end, y, scratch);
}

void add_tile_gradients(const TiledShape& shape, const float* x, const float* grad_y, int64_t begin,
                        int64_t end, float* sums, float* scratch) {
  table().add_tile_gradients(shape, x, grad_y, begin, end, sums, scratch);
}

void tile_gradients_to_weights(const TiledShape& shape, const float* sums, float* grad_weights) {
  table().tile_gradients_to_weights(shape, sums, grad_weights);
}

}  // namespace gamut::nn::kernels
