// SPDX-License-Identifier: Apache-2.0
// diffusers' UNet2DConditionModel: the network of Stable Diffusion 1.x and 2.x and of gamut's small base.
//
//   nn::ParamStore store = nn::ParamStore::from_tensors(nn::load_safetensors(file), "unet", {});
//   UNet2DCondition unet(config, nn::Scope(store));
//   store.finish();
//   Tensor out = unet(x_BCHW, t_B, text_BLD);
#pragma once

#include "gamut/models/unet/unet_blocks.h"
#include "gamut/nn/time_embedding.h"

namespace gamut::models {

class UNet2DCondition {
 public:
  UNet2DCondition(const UNetConfig& config, const nn::Scope& scope);
  // sample [B, C, H, W]; timestep [B], or [1] for all rows, any real dtype; text [B, L, cross_attention_dim].
  // Returns [B, out_channels, H, W] in channels-last memory.
  Tensor operator()(const Tensor& sample, const Tensor& timestep, const Tensor& text) const;
  const UNetConfig& config() const { return config_; }
  // Gradient checkpointing: of a forward pass with gradient only the inputs of its segments are kept
  // (nn/recompute.h).
  void recompute_in_backward(bool on) { recompute_ = on; }

 private:
  Tensor embed_time(const Tensor& timestep, const Tensor& text, at::ScalarType dtype) const;

  UNetConfig config_;
  bool recompute_ = false;
  nn::Conv2d conv_in_;
  nn::TimestepEmbedding time_embedding_;
  std::optional<nn::TextTimeEmbedding> add_embedding_;
  std::vector<DownBlock> down_blocks_;
  std::optional<MidBlockLayers> mid_block_;
  std::vector<UpBlock> up_blocks_;
  nn::GroupNorm conv_norm_out_;
  nn::Conv2d conv_out_;
};

}  // namespace gamut::models
