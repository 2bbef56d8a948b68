// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/vae/autoencoder_kl.h"

#include "gamut/core/error.h"
#include "gamut/models/vae/tiles.h"
#include "gamut/nn/attention.h"

#include <ATen/ATen.h>

#include <functional>

namespace gamut::models {
namespace {

constexpr double kEps = 1e-6;

nn::GroupNormOptions norm_of(const AutoencoderConfig& config) { return {config.norm_num_groups, kEps}; }

nn::ResnetOptions resnet_options(const AutoencoderConfig& config, int64_t in, int64_t out) {
  nn::ResnetOptions options;
  options.in_channels = in;
  options.out_channels = out;
  options.norm = norm_of(config);
  return options;
}

std::vector<nn::ResnetBlock2D> make_resnets(const nn::Scope& scope, const AutoencoderConfig& config,
                                            int64_t count, int64_t in, int64_t out) {
  std::vector<nn::ResnetBlock2D> resnets;
  for (int64_t i = 0; i < count; ++i) {
    resnets.emplace_back(scope["resnets"][i], resnet_options(config, i == 0 ? in : out, out));
  }
  return resnets;
}

std::vector<AutoencoderLevel> make_down(const nn::Scope& scope, const AutoencoderConfig& config) {
  std::vector<AutoencoderLevel> levels;
  int64_t in = config.block_out_channels.front();
  for (size_t i = 0; i < config.block_out_channels.size(); ++i) {
    const int64_t out = config.block_out_channels[i];
    const nn::Scope level = scope[int64_t(i)];
    levels.push_back({make_resnets(level, config, config.layers_per_block, in, out), {}});
    if (i + 1 < config.block_out_channels.size()) {
      levels.back().resize.emplace(level["downsamplers"][0]["conv"], out, out, nn::Conv2dOptions{3, 2, 0});
    }
    in = out;
  }
  return levels;
}

std::vector<AutoencoderLevel> make_up(const nn::Scope& scope, const AutoencoderConfig& config) {
  std::vector<AutoencoderLevel> levels;
  const size_t count = config.block_out_channels.size();
  int64_t in = config.block_out_channels.back();
  for (size_t i = 0; i < count; ++i) {
    const int64_t out = config.block_out_channels[count - 1 - i];
    const nn::Scope level = scope[int64_t(i)];
    levels.push_back({make_resnets(level, config, config.layers_per_block + 1, in, out), {}});
    if (i + 1 < count) levels.back().resize.emplace(level["upsamplers"][0]["conv"], out, out);
    in = out;
  }
  return levels;
}

Tensor channels_last(const Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

// `map` on slices of pictures of `pixels` each.
Tensor in_slices(const Tensor& x, int64_t pixels, int64_t slice_pixels,
                 const std::function<Tensor(const Tensor&)>& map) {
  const int64_t slice = std::max<int64_t>(1, slice_pixels / std::max<int64_t>(1, pixels));
  if (x.size(0) <= slice) return map(x);
  std::vector<Tensor> parts;
  for (int64_t begin = 0; begin < x.size(0); begin += slice) {
    parts.push_back(map(x.narrow(0, begin, std::min(slice, x.size(0) - begin))));
  }
  return at::cat(parts);
}

}  // namespace

PixelAttention::PixelAttention(const nn::Scope& scope, int64_t channels, const nn::GroupNormOptions& norm)
    : group_norm(scope["group_norm"], channels, norm),
      to_q(scope["to_q"], channels, channels),
      to_k(scope["to_k"], channels, channels),
      to_v(scope["to_v"], channels, channels),
      to_out(scope["to_out"][0], channels, channels) {}

Tensor PixelAttention::operator()(const Tensor& x) const {
  const Tensor tokens = nn::to_tokens(group_norm(x));
  const Tensor mixed = nn::attend(to_q(tokens), to_k(tokens), to_v(tokens), 1);
  return nn::from_tokens(to_out.plus(mixed, nn::to_tokens(x)), x.size(2), x.size(3));
}

AutoencoderMidBlock::AutoencoderMidBlock(const nn::Scope& scope, const AutoencoderConfig& config)
    : first(scope["resnets"][0],
            resnet_options(config, config.block_out_channels.back(), config.block_out_channels.back())),
      second(scope["resnets"][1],
             resnet_options(config, config.block_out_channels.back(), config.block_out_channels.back())) {
  if (config.mid_attention) {
    attention.emplace(scope["attentions"][0], config.block_out_channels.back(), norm_of(config));
  }
}

Tensor AutoencoderMidBlock::operator()(const Tensor& x) const {
  const Tensor h = first(x, {});
  return second(attention ? (*attention)(h) : h, {});
}

AutoencoderEncoder::AutoencoderEncoder(const nn::Scope& scope, const AutoencoderConfig& config)
    : conv_in(scope["conv_in"], config.in_channels, config.block_out_channels.front()),
      levels(make_down(scope["down_blocks"], config)),
      mid_block(scope["mid_block"], config),
      conv_norm_out(scope["conv_norm_out"], config.block_out_channels.back(), norm_of(config)),
      conv_out(scope["conv_out"], config.block_out_channels.back(), 2 * config.latent_channels) {}

Tensor AutoencoderEncoder::operator()(const Tensor& pictures) const {
  Tensor x = conv_in(channels_last(pictures));
  for (const AutoencoderLevel& level : levels) {
    for (const nn::ResnetBlock2D& resnet : level.resnets) x = resnet(x, {});
    // The original pads at the right and the bottom only.
    if (level.resize) x = (*level.resize)(channels_last(at::constant_pad_nd(x, {0, 1, 0, 1})));
  }
  return conv_out(conv_norm_out.silu(mid_block(x)));
}

AutoencoderDecoder::AutoencoderDecoder(const nn::Scope& scope, const AutoencoderConfig& config)
    : conv_in(scope["conv_in"], config.latent_channels, config.block_out_channels.back()),
      mid_block(scope["mid_block"], config),
      levels(make_up(scope["up_blocks"], config)),
      conv_norm_out(scope["conv_norm_out"], config.block_out_channels.front(), norm_of(config)),
      conv_out(scope["conv_out"], config.block_out_channels.front(), config.out_channels) {}

Tensor AutoencoderDecoder::operator()(const Tensor& latents) const {
  Tensor x = mid_block(conv_in(channels_last(latents)));
  for (const AutoencoderLevel& level : levels) {
    for (const nn::ResnetBlock2D& resnet : level.resnets) x = resnet(x, {});
    if (level.resize) {
      x = (*level.resize)(at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)}));
    }
  }
  return conv_out(conv_norm_out.silu(x));
}

AutoencoderKL::AutoencoderKL(const AutoencoderConfig& config, const nn::Scope& scope)
    : config_(config), encoder_(scope["encoder"], config), decoder_(scope["decoder"], config) {
  const int64_t latents = config.latent_channels;
  if (config.quant_conv) quant_conv_.emplace(scope["quant_conv"], 2 * latents, 2 * latents);
  if (config.post_quant_conv) post_quant_conv_.emplace(scope["post_quant_conv"], latents, latents);
}

Tensor AutoencoderKL::decode_tile(const Tensor& latents) const {
  return decoder_(post_quant_conv_ ? (*post_quant_conv_)(channels_last(latents)) : latents);
}

Tensor AutoencoderKL::encode_tile(const Tensor& pictures) const {
  const Tensor moments = encoder_(pictures);
  return quant_conv_ ? (*quant_conv_)(moments) : moments;
}

Tensor AutoencoderKL::decode(const Tensor& latents, const AutoencoderOptions& options) const {
  const int64_t factor = config_.factor(), tile = config_.sample_size / factor;
  const Tensor unscaled = latents / config_.scaling_factor + config_.shift_factor;
  const bool tiled = options.tiling && (latents.size(2) > tile || latents.size(3) > tile);
  const TileGeometry geometry{.from = tile, .to = config_.sample_size};
  return in_slices(unscaled, latents.size(2) * latents.size(3) * factor * factor, options.slice_pixels,
                   [&](const Tensor& part) {
                     if (!tiled) return decode_tile(part);
                     return map_tiles(part, geometry, [&](const Tensor& x) { return decode_tile(x); });
                   });
}

Tensor AutoencoderKL::moments(const Tensor& pictures, const AutoencoderOptions& options) const {
  const int64_t factor = config_.factor(), tile = config_.sample_size;
  GAMUT_CHECK(pictures.dim() == 4 && pictures.size(2) % factor == 0 && pictures.size(3) % factor == 0,
              "pictures are ", pictures.sizes(), " for a factor of ", factor);
  const bool tiled = options.tiling && (pictures.size(2) > tile || pictures.size(3) > tile);
  const TileGeometry geometry{.from = tile, .to = tile / factor};
  return in_slices(pictures, pictures.size(2) * pictures.size(3), options.slice_pixels,
                   [&](const Tensor& part) {
                     if (!tiled) return encode_tile(part);
                     return map_tiles(part, geometry, [&](const Tensor& x) { return encode_tile(x); });
                   });
}

Tensor AutoencoderKL::encode(const Tensor& pictures, const AutoencoderOptions& options) const {
  const Tensor mean = moments(pictures, options).narrow(1, 0, config_.latent_channels);
  return (mean - config_.shift_factor) * config_.scaling_factor;
}

nn::TensorMap with_new_names(const nn::TensorMap& tensors) {
  static const std::pair<std::string, std::string> kNames[] = {
      {".query.", ".to_q."}, {".key.", ".to_k."}, {".value.", ".to_v."}, {".proj_attn.", ".to_out.0."}};
  nn::TensorMap renamed;
  for (const auto& [name, tensor] : tensors) {
    std::string now = name;
    for (const auto& [before, after] : kNames) {
      const size_t place = now.find(before);
      if (now.find(".attentions.") != std::string::npos && place != std::string::npos) {
        now.replace(place, before.size(), after);
      }
    }
    renamed[now] = tensor;
  }
  return renamed;
}

}  // namespace gamut::models
