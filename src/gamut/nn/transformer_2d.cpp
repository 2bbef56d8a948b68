// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/transformer_2d.h"

#include "gamut/nn/feed_forward.h"

#include <ATen/ATen.h>

namespace gamut::nn {
namespace {

AttentionOptions attention_options(const TransformerOptions& options, bool cross) {
  return {options.channels, cross ? options.context_width : 0, options.heads, options.upcast_attention};
}

}  // namespace

GegluFeedForward::GegluFeedForward(const Scope& scope, int64_t width)
    : proj(scope["net"][0]["proj"], width, 8 * width), out(scope["net"][2], 4 * width, width) {}

Tensor GegluFeedForward::operator()(const Tensor& x, const Tensor& residual) const {
  // Also while adapters are switched off: a reference must run the policy's kernels to be equal to it in each
  // bit.
  if (!proj.adapters->parts.empty() || !out.adapters->parts.empty()) {
    const auto halves = proj(x).chunk(2, -1);
    return out.plus(halves[0] * at::gelu(halves[1]), residual);
  }
  return feed_forward(x, {proj.weights(), out.weights()}, residual);
}

BasicTransformerBlock::BasicTransformerBlock(const Scope& scope, const TransformerOptions& options)
    : norm1(scope["norm1"], options.channels),
      attn1(scope["attn1"], attention_options(options, options.only_cross_attention)),
      norm2(scope["norm2"], options.channels),
      attn2(scope["attn2"], attention_options(options, true)),
      norm3(scope["norm3"], options.channels),
      ff(scope["ff"], options.channels),
      only_cross_attention(options.only_cross_attention) {}

Tensor BasicTransformerBlock::operator()(const Tensor& tokens, const Tensor& context) const {
  const Tensor normed = norm1(tokens);
  Tensor x = attn1(normed, only_cross_attention ? context : normed, tokens);
  x = attn2(norm2(x), context, x);
  return ff(norm3(x), x);
}

Transformer2D::Transformer2D(const Scope& scope, const TransformerOptions& options)
    : norm(scope["norm"], options.channels, {options.norm_groups, 1e-6}) {
  if (options.use_linear_projection) {
    linear_in.emplace(scope["proj_in"], options.channels, options.channels);
  } else {
    conv_in.emplace(scope["proj_in"], options.channels, options.channels);
  }
  for (int64_t i = 0; i < options.layers; ++i) {
    blocks.emplace_back(scope["transformer_blocks"][i], options);
  }
  if (options.use_linear_projection) {
    linear_out.emplace(scope["proj_out"], options.channels, options.channels);
  } else {
    conv_out.emplace(scope["proj_out"], options.channels, options.channels);
  }
}

Tensor Transformer2D::operator()(const Tensor& x, const Tensor& context) const {
  const Tensor normed = to_tokens(norm(x));
  Tensor tokens = linear_in ? (*linear_in)(normed) : conv_in->on_tokens(normed);
  for (const BasicTransformerBlock& block : blocks) {
    tokens = block(tokens, context);
  }
  const Tensor residual = to_tokens(x);
  tokens = linear_out ? linear_out->plus(tokens, residual) : conv_out->on_tokens(tokens, residual);
  return from_tokens(tokens, x.size(2), x.size(3));
}

}  // namespace gamut::nn
