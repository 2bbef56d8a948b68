// SPDX-License-Identifier: Apache-2.0
// diffusers' AutoencoderKL: pictures to latents and back, for Stable Diffusion 1.x and 2.x.
//
//   nn::ParamStore store = nn::ParamStore::from_tensors(with_new_names(tensors), "vae", {});
//   AutoencoderKL vae(config, nn::Scope(store));
//   Tensor pictures = vae.decode(latents, {});      // [B, 4, 64, 64] -> [B, 3, 512, 512]
#pragma once

#include "gamut/models/vae/autoencoder_config.h"
#include "gamut/nn/layers.h"
#include "gamut/nn/resnet_block.h"

#include <optional>
#include <vector>

namespace gamut::models {

using at::Tensor;

struct AutoencoderOptions {
  // Decode and encode in tiles of the config's sample_size, overlapping by a quarter and blended, as
  // diffusers' enable_tiling() does: bounded memory for pictures larger than a tile, at the price of slight
  // differences.
  bool tiling = false;
  // Pictures are taken in slices of at most this many pixels, but at least one picture; bounds the memory.
  int64_t slice_pixels = int64_t(512) * 512;
};

// Attention over all pixels with one head, after a group norm, plus the input.
struct PixelAttention {
  PixelAttention(const nn::Scope& scope, int64_t channels, const nn::GroupNormOptions& norm);
  Tensor operator()(const Tensor& x) const;  // [B, C, H, W]
  nn::GroupNorm group_norm;
  nn::Linear to_q, to_k, to_v, to_out;
};

struct AutoencoderMidBlock {
  AutoencoderMidBlock(const nn::Scope& scope, const AutoencoderConfig& config);
  Tensor operator()(const Tensor& x) const;
  nn::ResnetBlock2D first;
  std::optional<PixelAttention> attention;
  nn::ResnetBlock2D second;
};

// One level: residual blocks, then a change of size on all levels but the last.
struct AutoencoderLevel {
  std::vector<nn::ResnetBlock2D> resnets;
  std::optional<nn::Conv2d> resize;
};

struct AutoencoderEncoder {
  AutoencoderEncoder(const nn::Scope& scope, const AutoencoderConfig& config);
  Tensor operator()(const Tensor& pictures) const;  // to [B, 2 latent_channels, H / factor, W / factor]
  nn::Conv2d conv_in;
  std::vector<AutoencoderLevel> levels;
  AutoencoderMidBlock mid_block;
  nn::GroupNorm conv_norm_out;
  nn::Conv2d conv_out;
};

struct AutoencoderDecoder {
  AutoencoderDecoder(const nn::Scope& scope, const AutoencoderConfig& config);
  Tensor operator()(const Tensor& latents) const;
  nn::Conv2d conv_in;
  AutoencoderMidBlock mid_block;
  std::vector<AutoencoderLevel> levels;
  nn::GroupNorm conv_norm_out;
  nn::Conv2d conv_out;
};

class AutoencoderKL {
 public:
  AutoencoderKL(const AutoencoderConfig& config, const nn::Scope& scope);

  // Latents as the denoiser sees them (scaled) to [B, 3, H, W] around [-1, 1], not clamped. In the weights'
  // type.
  Tensor decode(const Tensor& latents, const AutoencoderOptions& options) const;
  // [B, 3, H, W] in [-1, 1] to scaled latents: the mean of the encoder's distribution. H and W are multiples
  // of config().factor().
  Tensor encode(const Tensor& pictures, const AutoencoderOptions& options) const;
  // Mean and log-variance, [B, 2 latent_channels, h, w], unscaled.
  Tensor moments(const Tensor& pictures, const AutoencoderOptions& options) const;

  const AutoencoderConfig& config() const { return config_; }

 private:
  Tensor decode_tile(const Tensor& latents) const;
  Tensor encode_tile(const Tensor& pictures) const;

  AutoencoderConfig config_;
  AutoencoderEncoder encoder_;
  AutoencoderDecoder decoder_;
  std::optional<nn::PointwiseConv2d> quant_conv_, post_quant_conv_;
};

// Files older than diffusers 0.18, Stable Diffusion 1.5's among them, call the attention's layers query, key,
// value and proj_attn; renamed to to_q, to_k, to_v and to_out.0.
nn::TensorMap with_new_names(const nn::TensorMap& tensors);

}  // namespace gamut::models
