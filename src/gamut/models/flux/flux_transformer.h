// SPDX-License-Identifier: Apache-2.0
// diffusers' FluxTransformer2DModel: the network of FLUX.1-dev and FLUX.1-schnell.
//
//   nn::ParamStore store = nn::ParamStore::from_tensors(nn::load_safetensors(file), "transformer", {});
//   FluxTransformer net(config, nn::Scope(store));
//   store.finish();
//   const FluxPrompt prompt{.hidden = text_BLD, .pooled = pooled_BD, .guidance = guidance_B};
//   Tensor velocity = net(x_BCHW, sigma_B, prompt);
#pragma once

#include "gamut/models/flux/flux_config.h"
#include "gamut/nn/joint_block.h"
#include "gamut/nn/time_embedding.h"

#include <vector>

namespace gamut::models {

using at::Tensor;

struct FluxPrompt {
  Tensor hidden;    // [B, L, text_width]: T5's states
  Tensor pooled;    // [B, pooled_width]: CLIP's
  Tensor guidance;  // [B] or [1], 3.5 for example; undefined exactly where config().guidance is false
};

// Attention and feed-forward side by side over context and picture in one sequence: diffusers'
// FluxSingleTransformerBlock.
struct FluxSingleBlock {
  FluxSingleBlock(const nn::Scope& scope, const nn::HeadOptions& options);
  // x [B, T + L, W], the context first; signal [B, W], after its SiLU.
  Tensor operator()(const Tensor& x, const Tensor& signal, const Tensor& rotary) const;
  nn::Modulation norm;
  nn::OwnAttention attn;
  nn::Linear proj_mlp, proj_out;
};

class FluxTransformer {
 public:
  FluxTransformer(const FluxConfig& config, const nn::Scope& scope);
  // sample [B, latent_channels, H, W], H and W even; sigma [B], or [1] for all rows, in (0, 1]. Both sigma
  // and guidance are told to the network times 1000, in fp32 whatever it computes in. Returns
  // [B, latent_channels, H, W], dense.
  Tensor operator()(const Tensor& sample, const Tensor& sigma, const FluxPrompt& prompt) const;
  const FluxConfig& config() const { return config_; }
  // Gradient checkpointing: of a forward pass with gradient only what goes into each block is kept
  // (nn/recompute.h).
  void recompute_in_backward(bool on) { recompute_ = on; }

 private:
  void check(const Tensor& sample, const Tensor& sigma, const FluxPrompt& prompt) const;
  Tensor run(nn::Streams x, const Tensor& signal, const Tensor& rotary) const;

  FluxConfig config_;
  bool recompute_ = false;
  nn::PooledTimeEmbedding time_text_embed_;
  nn::Linear context_embedder_, x_embedder_;
  std::vector<nn::JointBlock> blocks_;
  std::vector<FluxSingleBlock> single_blocks_;
  nn::FinalModulation norm_out_;
  nn::Linear proj_out_;
};

// [B, C, H, W] to [B, H/2 · W/2, 4 C] and back: a token holds 2x2 latent pixels, channel by channel.
Tensor pack_latents(const Tensor& latents);
Tensor unpack_latents(const Tensor& tokens, int64_t height, int64_t width);

}  // namespace gamut::models
