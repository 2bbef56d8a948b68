// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/flux/flux_transformer.h"

#include "gamut/core/error.h"
#include "gamut/nn/gelu_tanh.h"
#include "gamut/nn/recompute.h"
#include "gamut/nn/rotary.h"

#include <ATen/ATen.h>

namespace gamut::models {
namespace {

constexpr double kTimes = 1000;  // of sigma and guidance, in what the network is told
constexpr int64_t kMlpRatio = 4;

// (0, 0, 0) for every token of the text, (0, row, column) for the picture's.
Tensor token_places(int64_t text_tokens, int64_t rows, int64_t columns, const at::TensorOptions& options) {
  const Tensor row = at::arange(rows, options).unsqueeze(1).expand({rows, columns});
  const Tensor column = at::arange(columns, options).unsqueeze(0).expand({rows, columns});
  const Tensor picture = at::stack({at::zeros_like(row), row, column}, 2).flatten(0, 1);
  return at::cat({at::zeros({text_tokens, 3}, options), picture}, 0);
}

std::vector<nn::JointBlock> make_flux_blocks(const nn::Scope& scope, const FluxConfig& config) {
  std::vector<nn::JointBlock> blocks;
  for (int64_t i = 0; i < config.layers; ++i)
    blocks.emplace_back(scope[i], nn::JointBlockOptions{.heads = {config.width(), config.heads, true}});
  return blocks;
}

std::vector<FluxSingleBlock> make_single_blocks(const nn::Scope& scope, const FluxConfig& config) {
  std::vector<FluxSingleBlock> blocks;
  for (int64_t i = 0; i < config.single_layers; ++i)
    blocks.emplace_back(scope[i], nn::HeadOptions{config.width(), config.heads, true});
  return blocks;
}

}  // namespace

FluxSingleBlock::FluxSingleBlock(const nn::Scope& scope, const nn::HeadOptions& options)
    : norm(scope["norm"], options.width, 3),
      attn(scope["attn"], options),
      proj_mlp(scope["proj_mlp"], options.width, kMlpRatio * options.width),
      proj_out(scope["proj_out"], (1 + kMlpRatio) * options.width, options.width) {}

Tensor FluxSingleBlock::operator()(const Tensor& x, const Tensor& signal, const Tensor& rotary) const {
  const std::vector<Tensor> parts = norm(signal);  // shift, scale, gate
  const Tensor told = nn::modulated(nn::plain_layer_norm(x), parts[0], parts[1]);
  const Tensor inner = nn::gelu_tanh(proj_mlp(told));
  const Tensor sum = nn::gated(x, parts[2], proj_out(at::cat({attn(told, rotary), inner}, 2)));
  return sum.scalar_type() == at::kHalf ? sum.clamp(-65504, 65504) : sum;  // of infinities come NaNs
}

FluxTransformer::FluxTransformer(const FluxConfig& config, const nn::Scope& scope)
    : config_(config),
      time_text_embed_(scope["time_text_embed"], config.pooled_width, config.width(), config.guidance),
      context_embedder_(scope["context_embedder"], config.text_width, config.width()),
      x_embedder_(scope["x_embedder"], config.in_channels, config.width()),
      blocks_(make_flux_blocks(scope["transformer_blocks"], config)),
      single_blocks_(make_single_blocks(scope["single_transformer_blocks"], config)),
      norm_out_(scope["norm_out"], config.width()),
      proj_out_(scope["proj_out"], config.width(), config.in_channels) {}

void FluxTransformer::check(const Tensor& sample, const Tensor& sigma, const FluxPrompt& prompt) const {
  GAMUT_CHECK(sample.dim() == 4 && sample.size(1) == config_.latent_channels() && sample.size(2) % 2 == 0 &&
                  sample.size(3) % 2 == 0,
              "sample is ", sample.sizes());
  GAMUT_CHECK(sigma.dim() == 1 && (sigma.size(0) == 1 || sigma.size(0) == sample.size(0)), "sigma is ",
              sigma.sizes());
  GAMUT_CHECK(prompt.hidden.dim() == 3 && prompt.hidden.size(0) == sample.size(0) &&
                  prompt.pooled.dim() == 2 && prompt.pooled.size(0) == sample.size(0),
              "prompt is ", prompt.hidden.sizes(), " and ", prompt.pooled.sizes(), " for sample ",
              sample.sizes());
}

Tensor FluxTransformer::run(nn::Streams x, const Tensor& signal, const Tensor& rotary) const {
  for (const nn::JointBlock& block : blocks_) {
    const auto segment = [&block, rotary](const std::vector<Tensor>& in) {
      const nn::Streams out = block({in[0], in[1]}, in[2], rotary);
      return std::vector<Tensor>{out.image, out.context};
    };
    const std::vector<Tensor> in{x.image, x.context, signal};
    const std::vector<Tensor> out = recompute_ ? nn::recomputed_all(segment, in) : segment(in);
    x = {out[0], out[1]};
  }
  Tensor both = at::cat({x.context, x.image}, 1);
  for (const FluxSingleBlock& block : single_blocks_) {
    const auto segment = [&block, rotary](const std::vector<Tensor>& in) {
      return block(in[0], in[1], rotary);
    };
    both = recompute_ ? nn::recomputed(segment, {both, signal}) : segment({both, signal});
  }
  return both.narrow(1, x.context.size(1), x.image.size(1)).contiguous();
}

Tensor FluxTransformer::operator()(const Tensor& sample, const Tensor& sigma,
                                   const FluxPrompt& prompt) const {
  check(sample, sigma, prompt);
  const Tensor guidance = prompt.guidance.defined() ? prompt.guidance.to(at::kFloat) * kTimes : Tensor();
  const Tensor signal = at::silu(time_text_embed_(sigma.to(at::kFloat) * kTimes, prompt.pooled, guidance));
  const Tensor places = token_places(prompt.hidden.size(1), sample.size(2) / 2, sample.size(3) / 2,
                                     sample.options().dtype(at::kDouble).requires_grad(false));
  const Tensor rotary = nn::rotary_table(places, {.axes = config_.rotary_axes}, sample.scalar_type());
  const nn::Streams x{x_embedder_(pack_latents(sample)), context_embedder_(prompt.hidden)};
  const Tensor out = proj_out_(norm_out_(run(x, signal, rotary), signal));
  return unpack_latents(out, sample.size(2), sample.size(3));
}

Tensor pack_latents(const Tensor& latents) {
  const int64_t rows = latents.size(2) / 2, columns = latents.size(3) / 2;
  return latents.reshape({latents.size(0), latents.size(1), rows, 2, columns, 2})
      .permute({0, 2, 4, 1, 3, 5})
      .reshape({latents.size(0), rows * columns, latents.size(1) * 4});
}

Tensor unpack_latents(const Tensor& tokens, int64_t height, int64_t width) {
  const int64_t channels = tokens.size(2) / 4;
  return tokens.reshape({tokens.size(0), height / 2, width / 2, channels, 2, 2})
      .permute({0, 3, 1, 4, 2, 5})
      .reshape({tokens.size(0), channels, height, width});
}

}  // namespace gamut::models
