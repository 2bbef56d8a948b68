// SPDX-License-Identifier: Apache-2.0
// The levels of the U-Net: residual blocks, each followed by attention where the level has it, then a change
// of size. They cover diffusers' DownBlock2D, CrossAttnDownBlock2D, UpBlock2D, CrossAttnUpBlock2D,
// UNetMidBlock2D and UNetMidBlock2DCrossAttn.
#pragma once

#include "gamut/models/unet/unet_config.h"
#include "gamut/nn/resnet_block.h"
#include "gamut/nn/transformer_2d.h"

#include <optional>
#include <vector>

namespace gamut::models {

using at::Tensor;

// What every block is told.
struct BlockContext {
  Tensor silu_time;        // [B or 1, time_embed_dim], after its SiLU
  Tensor text;             // [B, L, cross_attention_dim]
  bool recompute = false;  // gradient checkpointing: each residual block with its attention is one segment
};

struct DownBlock {
  DownBlock(const nn::Scope& scope, const UNetConfig& config, size_t level);
  // Returns the next level's input and appends what the up path will need.
  Tensor operator()(Tensor x, const BlockContext& context, std::vector<Tensor>& skips) const;
  std::vector<nn::ResnetBlock2D> resnets;
  std::vector<nn::Transformer2D> attentions;  // as many as resnets, or none
  std::optional<nn::Conv2d> downsampler;      // every level but the last
};

struct MidBlockLayers {
  MidBlockLayers(const nn::Scope& scope, const UNetConfig& config);
  Tensor operator()(Tensor x, const BlockContext& context) const;
  std::vector<nn::ResnetBlock2D> resnets;  // one more than attentions
  std::vector<nn::Transformer2D> attentions;
};

struct UpBlock {
  // `index` counts in the order of use; level = levels - 1 - index.
  UpBlock(const nn::Scope& scope, const UNetConfig& config, size_t index);
  // Takes its skips off the end of `skips`.
  Tensor operator()(Tensor x, const BlockContext& context, std::vector<Tensor>& skips) const;
  std::vector<nn::ResnetBlock2D> resnets;
  std::vector<nn::Transformer2D> attentions;
  std::optional<nn::Conv2d> upsampler;  // every level but the last
};

}  // namespace gamut::models
