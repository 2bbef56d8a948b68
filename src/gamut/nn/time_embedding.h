// SPDX-License-Identifier: Apache-2.0
// What the network is told of time, and of the prompt as a whole.
#pragma once

#include "gamut/nn/layers.h"

namespace gamut::nn {

struct SinusoidOptions {
  int64_t width = 320;
  bool flip_sin_to_cos = true;  // cosines first
  double freq_shift = 0;
};

// [B] times to [B, width] fp32: sines and cosines of t * 10000^(-i / (width/2 - freq_shift)) (Ho et al.
// 2020).
Tensor sinusoidal_embedding(const Tensor& times, const SinusoidOptions& options);

// Two linear layers with a SiLU between: diffusers' TimestepEmbedding.
struct TimestepEmbedding {
  TimestepEmbedding(const Scope& scope, int64_t in, int64_t out);
  Tensor operator()(const Tensor& sinusoids) const;
  Linear linear_1, linear_2;
};

// One vector per prompt by attention whose single query is the mean token: diffusers' AttentionPooling.
struct AttentionPooling {
  AttentionPooling(const Scope& scope, int64_t width, int64_t heads);
  Tensor operator()(const Tensor& tokens) const;  // [B, L, width] -> [B, width]
  Tensor positional_embedding;                    // [1, width], added to the mean
  Linear k_proj, q_proj, v_proj;
  int64_t heads;
};

// The pooled prompt in the width of the time embedding: diffusers' TextTimeEmbedding.
struct TextTimeEmbedding {
  TextTimeEmbedding(const Scope& scope, int64_t text_width, int64_t time_width, int64_t heads);
  Tensor operator()(const Tensor& tokens) const;  // [B, L, text_width] -> [B, time_width]
  LayerNorm norm1;
  AttentionPooling pool;
  Linear proj;
  LayerNorm norm2;
};

// Time, guidance and the pooled prompt in one vector: diffusers' CombinedTimestepTextProjEmbeddings and
// CombinedTimestepGuidanceTextProjEmbeddings.
struct PooledTimeEmbedding {
  PooledTimeEmbedding(const Scope& scope, int64_t pooled_width, int64_t width, bool with_guidance);
  // times and guidance [B] or [1], as large as the network was trained on (0 to 1000); pooled [B,
  // pooled_width]. Guidance is undefined where the network takes none. [B, width] in pooled's type.
  Tensor operator()(const Tensor& times, const Tensor& pooled, const Tensor& guidance = {}) const;
  TimestepEmbedding timestep_embedder;
  std::optional<TimestepEmbedding> guidance_embedder;
  TimestepEmbedding text_embedder;
};

}  // namespace gamut::nn
