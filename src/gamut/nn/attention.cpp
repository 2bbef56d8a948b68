// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/attention.h"

#include "gamut/nn/head_attention.h"

#include <ATen/ATen.h>

namespace gamut::nn {
namespace {

int64_t context_width(const AttentionOptions& options) {
  return options.context_width > 0 ? options.context_width : options.width;
}

// [B, L, W] -> [B, heads, L, W / heads], a view.
Tensor split_heads(const Tensor& x, int64_t heads) {
  return x.unflatten(2, at::IntArrayRef{heads, x.size(2) / heads}).transpose(1, 2);
}

}  // namespace

Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, bool causal) {
  if (!causal && fits_head_attention(q, k, v, heads)) {
    return head_attention(q, k, v, heads);
  }
  const Tensor a = split_heads(q, heads), b = split_heads(k, heads), c = split_heads(v, heads);
  // What real devices choose keeps no scores; on the meta device LibTorch would choose what does.
  const Tensor mixed =
      q.is_meta() ? std::get<0>(at::_scaled_dot_product_flash_attention_for_cpu(a, b, c, 0.0, causal))
                  : at::scaled_dot_product_attention(a, b, c, {}, 0.0, causal);
  return mixed.transpose(1, 2).flatten(2);
}

Tensor attend_biased(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& bias) {
  const int64_t heads = bias.size(1);
  const Tensor a = split_heads(q, heads), b = split_heads(k, heads), c = split_heads(v, heads);
  const Tensor mixed =
      q.is_meta()
          ? std::get<0>(at::_scaled_dot_product_flash_attention_for_cpu(a, b, c, 0.0, false, bias, 1.0))
          : at::scaled_dot_product_attention(a, b, c, bias, 0.0, false, 1.0);
  return mixed.transpose(1, 2).flatten(2);
}

Attention::Attention(const Scope& scope, const AttentionOptions& attention)
    : to_q(scope["to_q"], attention.width, attention.width, false),
      to_k(scope["to_k"], context_width(attention), attention.width, false),
      to_v(scope["to_v"], context_width(attention), attention.width, false),
      to_out(scope["to_out"][0], attention.width, attention.width),
      options(attention) {}

Tensor Attention::operator()(const Tensor& x, const Tensor& context, const Tensor& residual) const {
  const Tensor q = to_q(x), k = to_k(context), v = to_v(context);
  if (options.upcast && q.scalar_type() != at::kFloat) {
    const Tensor mixed = attend(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat), options.heads);
    return to_out.plus(mixed.to(q.scalar_type()), residual);
  }
  return to_out.plus(attend(q, k, v, options.heads), residual);
}

}  // namespace gamut::nn
