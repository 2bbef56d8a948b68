// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/unet/unet_2d_condition.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

namespace gamut::models {
namespace {

nn::Conv2dOptions same_size(int64_t kernel) { return {kernel, 1, (kernel - 1) / 2}; }

std::vector<DownBlock> make_down_blocks(const nn::Scope& scope, const UNetConfig& config) {
  std::vector<DownBlock> blocks;
  for (size_t level = 0; level < config.levels(); ++level) {
    blocks.emplace_back(scope[int64_t(level)], config, level);
  }
  return blocks;
}

std::vector<UpBlock> make_up_blocks(const nn::Scope& scope, const UNetConfig& config) {
  std::vector<UpBlock> blocks;
  for (size_t index = 0; index < config.levels(); ++index) {
    blocks.emplace_back(scope[int64_t(index)], config, index);
  }
  return blocks;
}

}  // namespace

UNet2DCondition::UNet2DCondition(const UNetConfig& config, const nn::Scope& scope)
    : config_(config),
      conv_in_(scope["conv_in"], config.in_channels, config.block_out_channels[0],
               same_size(config.conv_in_kernel)),
      time_embedding_(scope["time_embedding"], config.block_out_channels[0], config.time_embed_dim),
      down_blocks_(make_down_blocks(scope["down_blocks"], config)),
      up_blocks_(make_up_blocks(scope["up_blocks"], config)),
      conv_norm_out_(scope["conv_norm_out"], config.block_out_channels[0],
                     {config.norm_num_groups, config.norm_eps}),
      conv_out_(scope["conv_out"], config.block_out_channels[0], config.out_channels,
                same_size(config.conv_out_kernel)) {
  if (config.text_added_to_time) {
    add_embedding_.emplace(scope["add_embedding"], config.cross_attention_dim[0], config.time_embed_dim,
                           config.addition_embed_heads);
  }
  if (config.mid_block != MidBlock::kNone) {
    mid_block_.emplace(scope["mid_block"], config);
  }
}

Tensor UNet2DCondition::embed_time(const Tensor& timestep, const Tensor& text, at::ScalarType dtype) const {
  const Tensor sinusoids = nn::sinusoidal_embedding(
      timestep, {config_.block_out_channels[0], config_.flip_sin_to_cos, config_.freq_shift});
  Tensor time = time_embedding_(sinusoids.to(dtype));
  if (add_embedding_) {
    time = time + (*add_embedding_)(text);
  }
  return at::silu(time);
}

Tensor UNet2DCondition::operator()(const Tensor& sample, const Tensor& timestep, const Tensor& text) const {
  GAMUT_CHECK(sample.dim() == 4 && sample.size(1) == config_.in_channels, "sample is ", sample.sizes());
  GAMUT_CHECK(timestep.dim() == 1 && (timestep.size(0) == 1 || timestep.size(0) == sample.size(0)),
              "timestep is ", timestep.sizes(), " for sample ", sample.sizes());
  GAMUT_CHECK(text.dim() == 3 && text.size(0) == sample.size(0), "text is ", text.sizes(), " for sample ",
              sample.sizes());
  const BlockContext context{embed_time(timestep, text, sample.scalar_type()), text, recompute_};
  Tensor x = sample.contiguous(at::MemoryFormat::ChannelsLast);
  x = conv_in_(config_.center_input_sample ? 2 * x - 1 : x);
  std::vector<Tensor> skips{x};
  for (const DownBlock& block : down_blocks_) {
    x = block(x, context, skips);
  }
  if (mid_block_) {
    x = (*mid_block_)(x, context);
  }
  for (const UpBlock& block : up_blocks_) {
    x = block(x, context, skips);
  }
  return conv_out_(conv_norm_out_.silu(x));
}

}  // namespace gamut::models
