// SPDX-License-Identifier: Apache-2.0
// Some programs keep several layers of a transformer in one matrix: stable-diffusion.cpp and ComfyUI hold
// to_q, to_k and to_v as the rows of one "qkv", and a single block of FLUX has its proj_mlp there too.
#pragma once

#include "gamut/nn/lora_file.h"

namespace gamut::nn {

// stable-diffusion.cpp walks the slices of such a matrix in order, stops at the first that a file lacks, and
// may then leave out the whole matrix. So each matrix of which a module adapts a part gets the other parts
// too, as zeros of rank 1. Only modules of the component "transformer" have such company.
std::vector<LoraModule> with_whole_matrices(const std::vector<LoraModule>& modules);
// Whether it is one of those zeros, which say nothing.
bool fills_a_matrix(const LoraModule& module);

// A module whose path is the name of such a matrix, or of another layer, in the original code of Stable
// Diffusion 3 or FLUX
// ("joint_blocks.0.x_block.attn.qkv", "single_blocks.3.linear1"): the same as modules of diffusers' layers,
// whose B are its rows. Others are returned as they are. DataError, opened by `origin`, for a layer of such a
// block that has no counterpart.
std::vector<LoraModule> in_diffusers_layers(const LoraModule& module, const std::string& origin);
// Whether a path is one of the transformers' of Stable Diffusion 3 and FLUX, in diffusers' names or the
// original ones.
bool names_transformer(const std::string& path);

}  // namespace gamut::nn
