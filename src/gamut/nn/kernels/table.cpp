// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/kernels/table.h"

#include "gamut/nn/kernels/lanes.h"

namespace gamut::nn::kernels::GAMUT_PATH {

// Of the same types as the functions that callers see.
decltype(kernels::pack) pack;
decltype(kernels::multiply) multiply;
decltype(kernels::weight_gradient_tiles) weight_gradient_tiles;
decltype(kernels::add_weight_gradient) add_weight_gradient;
decltype(kernels::add_column_sums) add_column_sums;
decltype(kernels::attention_forward) attention_forward;
decltype(kernels::attention_backward) attention_backward;
decltype(kernels::geglu_forward) geglu_forward;
decltype(kernels::geglu_backward) geglu_backward;
decltype(kernels::group_norm_forward) group_norm_forward;
decltype(kernels::group_norm_backward) group_norm_backward;
decltype(kernels::tile_count) tile_count;
decltype(kernels::tile_scratch) tile_scratch;
decltype(kernels::transform_tile_weights) transform_tile_weights;
decltype(kernels::convolve_tiles) convolve_tiles;
decltype(kernels::add_tile_gradients) add_tile_gradients;
decltype(kernels::tile_gradients_to_weights) tile_gradients_to_weights;

extern const Table table;
const Table table{pack,
                  multiply,
                  weight_gradient_tiles,
                  add_weight_gradient,
                  add_column_sums,
                  attention_forward,
                  attention_backward,
                  geglu_forward,
                  geglu_backward,
                  group_norm_forward,
                  group_norm_backward,
                  tile_count,
                  tile_scratch,
                  transform_tile_weights,
                  convolve_tiles,
                  add_tile_gradients,
                  tile_gradients_to_weights};

}  // namespace gamut::nn::kernels::GAMUT_PATH
