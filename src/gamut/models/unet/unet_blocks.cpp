// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/unet/unet_blocks.h"

#include "gamut/nn/recompute.h"

#include <ATen/ATen.h>

namespace gamut::models {
namespace {

nn::ResnetOptions resnet_options(const UNetConfig& config, int64_t in, int64_t out) {
  nn::ResnetOptions options;
  options.in_channels = in;
  options.out_channels = out;
  options.time_width = config.time_embed_dim;
  options.norm = {config.norm_num_groups, config.norm_eps};
  options.scale_shift = config.resnet_scale_shift;
  return options;
}

nn::TransformerOptions transformer_options(const UNetConfig& config, size_t level) {
  nn::TransformerOptions options;
  options.channels = config.block_out_channels[level];
  options.heads = config.heads[level];
  options.layers = config.transformer_layers[level];
  options.context_width = config.cross_attention_dim[level];
  options.norm_groups = config.norm_num_groups;
  options.use_linear_projection = config.use_linear_projection;
  options.only_cross_attention = config.only_cross_attention[level];
  options.upcast_attention = config.upcast_attention;
  return options;
}

// The i-th residual block on `x`, beside `skip` if there is one, then the attention that follows it if there
// is one.
template <class Block>
Tensor run_layer(const Block& block, size_t i, const BlockContext& context, const Tensor& x,
                 const Tensor& skip = {}) {
  const auto run = [&block, i](const std::vector<Tensor>& in) {
    const Tensor h = block.resnets[i](in.size() > 3 ? at::cat({in[0], in[3]}, 1) : in[0], in[1]);
    return i < block.attentions.size() ? block.attentions[i](h, in[2]) : h;
  };
  std::vector<Tensor> inputs{x, context.silu_time, context.text};
  if (skip.defined()) inputs.push_back(skip);
  return context.recompute ? nn::recomputed(run, inputs) : run(inputs);
}

}  // namespace

DownBlock::DownBlock(const nn::Scope& scope, const UNetConfig& config, size_t level) {
  const int64_t out = config.block_out_channels[level];
  int64_t in = config.block_out_channels[level == 0 ? 0 : level - 1];
  for (int64_t i = 0; i < config.layers_per_block[level]; ++i) {
    resnets.emplace_back(scope["resnets"][i], resnet_options(config, in, out));
    if (config.down_has_attention[level]) {
      attentions.emplace_back(scope["attentions"][i], transformer_options(config, level));
    }
    in = out;
  }
  if (level + 1 < config.levels()) {
    downsampler.emplace(scope["downsamplers"][0]["conv"], out, out,
                        nn::Conv2dOptions{3, 2, config.downsample_padding});
  }
}

Tensor DownBlock::operator()(Tensor x, const BlockContext& context, std::vector<Tensor>& skips) const {
  for (size_t i = 0; i < resnets.size(); ++i) {
    x = run_layer(*this, i, context, x);
    skips.push_back(x);
  }
  if (downsampler) {
    // Without padding the original pads at the right and the bottom only.
    x = (*downsampler)(downsampler->options.padding == 0 ? at::constant_pad_nd(x, {0, 1, 0, 1}) : x);
    skips.push_back(x);
  }
  return x;
}

MidBlockLayers::MidBlockLayers(const nn::Scope& scope, const UNetConfig& config) {
  const int64_t channels = config.block_out_channels.back();
  nn::ResnetOptions options = resnet_options(config, channels, channels);
  options.output_scale_factor = config.mid_block_scale_factor;
  resnets.emplace_back(scope["resnets"][0], options);
  if (config.mid_block == MidBlock::kCrossAttention) {
    nn::TransformerOptions transformer = transformer_options(config, config.levels() - 1);
    transformer.only_cross_attention = false;
    attentions.emplace_back(scope["attentions"][0], transformer);
    resnets.emplace_back(scope["resnets"][1], options);
  }
}

Tensor MidBlockLayers::operator()(Tensor x, const BlockContext& context) const {
  for (size_t i = 0; i < resnets.size(); ++i) x = run_layer(*this, i, context, x);
  return x;
}

UpBlock::UpBlock(const nn::Scope& scope, const UNetConfig& config, size_t index) {
  const size_t level = config.levels() - 1 - index;
  const int64_t out = config.block_out_channels[level];
  const int64_t below = config.block_out_channels[level == 0 ? 0 : level - 1];
  const int64_t layers = config.layers_per_block[level] + 1;
  int64_t in = config.block_out_channels[std::min(level + 1, config.levels() - 1)];
  for (int64_t i = 0; i < layers; ++i) {
    const int64_t skip = i + 1 == layers ? below : out;
    resnets.emplace_back(scope["resnets"][i], resnet_options(config, in + skip, out));
    if (config.up_has_attention[index]) {
      attentions.emplace_back(scope["attentions"][i], transformer_options(config, level));
    }
    in = out;
  }
  if (level > 0) {
    upsampler.emplace(scope["upsamplers"][0]["conv"], out, out);
  }
}

Tensor UpBlock::operator()(Tensor x, const BlockContext& context, std::vector<Tensor>& skips) const {
  for (size_t i = 0; i < resnets.size(); ++i) {
    x = run_layer(*this, i, context, x, skips.back());
    skips.pop_back();
  }
  if (upsampler) {
    // The size of the next skip: twice this one, or one less where the way down rounded up.
    x = (*upsampler)(at::upsample_nearest2d(x, skips.back().sizes().slice(2)));
  }
  return x;
}

}  // namespace gamut::models
