// SPDX-License-Identifier: Apache-2.0
// diffusers' SD3Transformer2DModel: the network of Stable Diffusion 3 and 3.5.
//
//   nn::ParamStore store = nn::ParamStore::from_tensors(nn::load_safetensors(file), "transformer", {});
//   Sd3Transformer net(config, nn::Scope(store));
//   store.finish();  // store.buffers() holds the table of positions, which files carry too
//   Tensor velocity = net(x_BCHW, t_B, {.hidden = text_BLD, .pooled = pooled_BD});
#pragma once

#include "gamut/models/mmdit/sd3_config.h"
#include "gamut/nn/joint_block.h"
#include "gamut/nn/time_embedding.h"

#include <vector>

namespace gamut::models {

using at::Tensor;

struct Sd3Prompt {
  Tensor hidden;  // [B, L, text_width]: CLIP's states, padded with zeros, then T5's
  Tensor pooled;  // [B, pooled_width]
};

class Sd3Transformer {
 public:
  Sd3Transformer(const Sd3Config& config, const nn::Scope& scope);
  // sample [B, in_channels, H, W], H and W multiples of patch_size; time [B], or [1] for all rows: 1000
  // sigma. Returns [B, out_channels, H, W], dense. ConfigError when the picture has more patches than the
  // table has positions.
  Tensor operator()(const Tensor& sample, const Tensor& time, const Sd3Prompt& prompt) const;
  const Sd3Config& config() const { return config_; }
  // Gradient checkpointing: of a forward pass with gradient only what goes into each block is kept
  // (nn/recompute.h).
  void recompute_in_backward(bool on) { recompute_ = on; }

 private:
  Tensor embed(const Tensor& sample) const;
  Tensor positions(int64_t rows, int64_t columns) const;

  Sd3Config config_;
  bool recompute_ = false;
  nn::Conv2d patches_;
  Tensor position_table_;  // [1, max_positions², width]
  nn::PooledTimeEmbedding time_text_embed_;
  nn::Linear context_embedder_;
  std::vector<nn::JointBlock> blocks_;
  nn::FinalModulation norm_out_;
  nn::Linear proj_out_;
};

}  // namespace gamut::models
