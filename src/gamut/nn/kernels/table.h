// SPDX-License-Identifier: Apache-2.0
// The kernels of one path as a table of functions; table.cpp fills one per path, cpu_path.cpp picks one.
#pragma once

#include "gamut/nn/kernels/attention.h"
#include "gamut/nn/kernels/geglu.h"
#include "gamut/nn/kernels/group_norm.h"
#include "gamut/nn/kernels/matrix.h"
#include "gamut/nn/kernels/weight_gradient.h"
#include "gamut/nn/kernels/winograd.h"

namespace gamut::nn::kernels {

// Each member is the path's own version of the function of that name.
struct Table {
  decltype(&kernels::pack) pack;
  decltype(&kernels::multiply) multiply;
  decltype(&kernels::weight_gradient_tiles) weight_gradient_tiles;
  decltype(&kernels::add_weight_gradient) add_weight_gradient;
  decltype(&kernels::add_column_sums) add_column_sums;
  decltype(&kernels::attention_forward) attention_forward;
  decltype(&kernels::attention_backward) attention_backward;
  decltype(&kernels::geglu_forward) geglu_forward;
  decltype(&kernels::geglu_backward) geglu_backward;
  decltype(&kernels::group_norm_forward) group_norm_forward;
  decltype(&kernels::group_norm_backward) group_norm_backward;
  decltype(&kernels::tile_count) tile_count;
  decltype(&kernels::tile_scratch) tile_scratch;
  decltype(&kernels::transform_tile_weights) transform_tile_weights;
  decltype(&kernels::convolve_tiles) convolve_tiles;
  decltype(&kernels::add_tile_gradients) add_tile_gradients;
  decltype(&kernels::tile_gradients_to_weights) tile_gradients_to_weights;
};

// The table of cpu_path().
const Table& table();

}  // namespace gamut::nn::kernels
