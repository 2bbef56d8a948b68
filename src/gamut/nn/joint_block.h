// SPDX-License-Identifier: Apache-2.0
// The block of two streams that Stable Diffusion 3 and FLUX are made of (Esser et al. 2024): tokens of the
// picture and of the prompt have their own weights and meet in one attention. diffusers'
// JointTransformerBlock and FluxTransformerBlock.
#pragma once

#include "gamut/nn/modulation.h"
#include "gamut/nn/rms_norm.h"

#include <optional>

namespace gamut::nn {

struct Streams {
  Tensor image;    // [B, L, W]
  Tensor context;  // [B, T, W]; undefined after a block that drops it
};

struct HeadOptions {
  int64_t width = 0, heads = 1;
  bool qk_norm = false;  // queries and keys through RMS norms of a head's width
};

struct QueryKeyValue {
  Tensor q, k, v;  // [B, L, W]
};

// One stream's queries, keys and values: to_q, …, norm_q, or add_q_proj, …, norm_added_q.
struct HeadProjections {
  enum class Names { kOwn, kAdded };
  HeadProjections(const Scope& scope, const HeadOptions& options, Names names);
  QueryKeyValue operator()(const Tensor& x) const;
  int64_t heads;
  Linear q, k, v;
  std::optional<RmsNorm> norm_q, norm_k;
};

// Attention of one stream to itself, turned by `rotary` (rotary.h) where that is defined; without the output
// layer.
struct OwnAttention {
  OwnAttention(const Scope& scope, const HeadOptions& options)
      : own(scope, options, HeadProjections::Names::kOwn) {}
  Tensor operator()(const Tensor& x, const Tensor& rotary) const;
  HeadProjections own;
};

// Attention over the context's tokens and then the picture's.
struct JointAttention {
  // `context_out` false: nobody wants the context's result.
  JointAttention(const Scope& scope, const HeadOptions& options, bool context_out);
  Streams operator()(const Streams& x, const Tensor& rotary) const;
  HeadProjections own, added;
  Linear to_out;
  std::optional<Linear> to_add_out;
};

struct JointBlockOptions {
  HeadOptions heads;
  bool dual_attention = false;    // the picture's tokens also attend to themselves (attn2)
  bool context_pre_only = false;  // the last block, which drops the context
};

struct JointBlock {
  JointBlock(const Scope& scope, const JointBlockOptions& options);
  // signal [B, W], after its SiLU; rotary [T + L, 1, head width / 2] or undefined.
  Streams operator()(const Streams& x, const Tensor& signal, const Tensor& rotary) const;

 private:
  Tensor finish_image(const Tensor& image, const std::vector<Tensor>& parts) const;
  Tensor finish_context(const Tensor& context, const std::vector<Tensor>& parts) const;

  bool context_pre_only_;
  Modulation norm1_, norm1_context_;
  JointAttention attn_;
  std::optional<OwnAttention> attn2_;
  std::optional<Linear> attn2_out_;
  GeluFeedForward ff_;
  std::optional<GeluFeedForward> ff_context_;
};

}  // namespace gamut::nn
