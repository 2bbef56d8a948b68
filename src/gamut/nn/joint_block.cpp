// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/joint_block.h"

#include "gamut/nn/attention.h"
#include "gamut/nn/rotary.h"

#include <ATen/ATen.h>

namespace gamut::nn {
namespace {

using Names = HeadProjections::Names;

constexpr int64_t kFeedForwardRatio = 4;

Tensor split_into_heads(const Tensor& x, int64_t heads) {
  return x.unflatten(2, at::IntArrayRef{heads, x.size(2) / heads});
}

Tensor turned(const Tensor& x, int64_t heads, const Tensor& rotary) {
  return rotary.defined() ? rotated(split_into_heads(x, heads), rotary).flatten(2) : x;
}

Tensor attend_turned(const QueryKeyValue& x, int64_t heads, const Tensor& rotary) {
  return attend(turned(x.q, heads, rotary), turned(x.k, heads, rotary), x.v, heads);
}

// Sums of fp16 may overflow; the largest number goes on where an infinity would end in NaN.
Tensor in_range(const Tensor& x) { return x.scalar_type() == at::kHalf ? x.clamp(-65504, 65504) : x; }

}  // namespace

HeadProjections::HeadProjections(const Scope& scope, const HeadOptions& options, Names names)
    : heads(options.heads),
      q(scope[names == Names::kOwn ? "to_q" : "add_q_proj"], options.width, options.width),
      k(scope[names == Names::kOwn ? "to_k" : "add_k_proj"], options.width, options.width),
      v(scope[names == Names::kOwn ? "to_v" : "add_v_proj"], options.width, options.width) {
  if (!options.qk_norm) return;
  const int64_t head_width = options.width / options.heads;
  norm_q.emplace(scope[names == Names::kOwn ? "norm_q" : "norm_added_q"], head_width);
  norm_k.emplace(scope[names == Names::kOwn ? "norm_k" : "norm_added_k"], head_width);
}

QueryKeyValue HeadProjections::operator()(const Tensor& x) const {
  const auto normed = [&](const std::optional<RmsNorm>& norm, const Tensor& y) {
    return norm ? (*norm)(split_into_heads(y, heads)).flatten(2) : y;
  };
  return {normed(norm_q, q(x)), normed(norm_k, k(x)), v(x)};
}

Tensor OwnAttention::operator()(const Tensor& x, const Tensor& rotary) const {
  return attend_turned(own(x), own.heads, rotary);
}

JointAttention::JointAttention(const Scope& scope, const HeadOptions& options, bool context_out)
    : own(scope, options, Names::kOwn),
      added(scope, options, Names::kAdded),
      to_out(scope["to_out"][0], options.width, options.width) {
  if (context_out) to_add_out.emplace(scope["to_add_out"], options.width, options.width);
}

Streams JointAttention::operator()(const Streams& x, const Tensor& rotary) const {
  const QueryKeyValue image = own(x.image), context = added(x.context);
  const QueryKeyValue both{at::cat({context.q, image.q}, 1), at::cat({context.k, image.k}, 1),
                           at::cat({context.v, image.v}, 1)};
  const Tensor mixed = attend_turned(both, own.heads, rotary);
  const int64_t tokens = x.context.size(1);
  // Dense, which the kernels of the layers ask for.
  const auto part = [&](int64_t begin, int64_t count) { return mixed.narrow(1, begin, count).contiguous(); };
  return {to_out(part(tokens, x.image.size(1))), to_add_out ? (*to_add_out)(part(0, tokens)) : Tensor()};
}

JointBlock::JointBlock(const Scope& scope, const JointBlockOptions& options)
    : context_pre_only_(options.context_pre_only),
      norm1_(scope["norm1"], options.heads.width, options.dual_attention ? 9 : 6),
      norm1_context_(scope["norm1_context"], options.heads.width, options.context_pre_only ? 2 : 6),
      attn_(scope["attn"], options.heads, !options.context_pre_only),
      ff_(scope["ff"], options.heads.width, kFeedForwardRatio * options.heads.width) {
  const int64_t width = options.heads.width;
  if (options.dual_attention) {
    attn2_.emplace(scope["attn2"], options.heads);
    attn2_out_.emplace(scope["attn2"]["to_out"][0], width, width);
  }
  if (!options.context_pre_only) ff_context_.emplace(scope["ff_context"], width, kFeedForwardRatio * width);
}

// parts: shift, scale and gate of attention, shift, scale and gate of the feed-forward half, then those of
// attn2.
Tensor JointBlock::finish_image(const Tensor& image, const std::vector<Tensor>& parts) const {
  return gated(image, parts[5], ff_(modulated(plain_layer_norm(image), parts[3], parts[4])));
}

Tensor JointBlock::finish_context(const Tensor& context, const std::vector<Tensor>& parts) const {
  return in_range(
      gated(context, parts[5], (*ff_context_)(modulated(plain_layer_norm(context), parts[3], parts[4]))));
}

Streams JointBlock::operator()(const Streams& x, const Tensor& signal, const Tensor& rotary) const {
  const std::vector<Tensor> own = norm1_(signal), added = norm1_context_(signal);
  const Tensor image = plain_layer_norm(x.image), context = plain_layer_norm(x.context);
  // Where the context ends, its scale comes before its shift.
  const Tensor told =
      context_pre_only_ ? modulated(context, added[1], added[0]) : modulated(context, added[0], added[1]);
  const Streams mixed = attn_({modulated(image, own[0], own[1]), told}, rotary);
  Tensor sum = gated(x.image, own[2], mixed.image);
  if (attn2_) sum = gated(sum, own[8], (*attn2_out_)((*attn2_)(modulated(image, own[6], own[7]), {})));
  const Tensor done = finish_image(sum, own);
  if (context_pre_only_) return {done, {}};
  return {done, finish_context(gated(x.context, added[2], mixed.context), added)};
}

}  // namespace gamut::nn
