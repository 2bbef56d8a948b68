// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/mmdit/sd3_transformer.h"

#include "gamut/core/error.h"
#include "gamut/nn/recompute.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace gamut::models {
namespace {

// Sines, then cosines, of the places along one side: [count, width].
Tensor waves_of_places(int64_t count, double step, int64_t width) {
  const Tensor places = at::arange(count, at::kFloat) / (1 / step);
  const Tensor exponents = at::arange(width / 2, at::kDouble) / (double(width) / 2);
  const Tensor angles = at::outer(places.to(at::kDouble), at::pow(10000.0, exponents).reciprocal());
  return at::cat({angles.sin(), angles.cos()}, 1);
}

// A new network's table: half of the width tells the column, half the row.
Tensor position_table(const Sd3Config& config) {
  const int64_t side = config.max_positions, half = config.width() / 2;
  const int64_t patches = config.sample_size / config.patch_size;
  const double step = double(patches) / double(side);
  const Tensor places = waves_of_places(side, step, half);
  const Tensor columns = places.unsqueeze(0).expand({side, side, half});
  const Tensor rows = places.unsqueeze(1).expand({side, side, half});
  return at::cat({columns, rows}, 2).to(at::kFloat).view({1, side * side, config.width()});
}

std::vector<nn::JointBlock> make_joint_blocks(const nn::Scope& scope, const Sd3Config& config) {
  std::vector<nn::JointBlock> blocks;
  for (int64_t i = 0; i < config.layers; ++i) {
    nn::JointBlockOptions options{.heads = {config.width(), config.heads, config.qk_norm}};
    options.dual_attention =
        std::ranges::find(config.dual_attention_layers, i) != config.dual_attention_layers.end();
    options.context_pre_only = i + 1 == config.layers;
    blocks.emplace_back(scope[i], options);
  }
  return blocks;
}

nn::Streams run_block(const nn::JointBlock& block, const nn::Streams& x, const Tensor& signal,
                      bool recompute) {
  if (!recompute) return block(x, signal, {});
  const auto segment = [&block](const std::vector<Tensor>& in) {
    const nn::Streams out = block({in[0], in[1]}, in[2], {});
    return out.context.defined() ? std::vector<Tensor>{out.image, out.context}
                                 : std::vector<Tensor>{out.image};
  };
  const std::vector<Tensor> out = nn::recomputed_all(segment, {x.image, x.context, signal});
  return {out[0], out.size() > 1 ? out[1] : Tensor()};
}

}  // namespace

Sd3Transformer::Sd3Transformer(const Sd3Config& config, const nn::Scope& scope)
    : config_(config),
      patches_(scope["pos_embed"]["proj"], config.in_channels, config.width(),
               {config.patch_size, config.patch_size, 0}),
      position_table_(scope["pos_embed"].buffer(
          "pos_embed", {1, config.max_positions * config.max_positions, config.width()},
          [&] { return position_table(config); })),
      time_text_embed_(scope["time_text_embed"], config.pooled_width, config.width(), false),
      context_embedder_(scope["context_embedder"], config.text_width, config.width()),
      blocks_(make_joint_blocks(scope["transformer_blocks"], config)),
      norm_out_(scope["norm_out"], config.width()),
      proj_out_(scope["proj_out"], config.width(),
                config.patch_size * config.patch_size * config.out_channels) {}

// The middle of the table: a picture's center has the same place whatever its size.
Tensor Sd3Transformer::positions(int64_t rows, int64_t columns) const {
  const int64_t side = config_.max_positions;
  if (std::max(rows, columns) > side)
    throw ConfigError(
        "size", cat("pictures of this model are at most ", side * config_.patch_size,
                    " latent pixels high and wide (pos_embed_max_size); got ", rows * config_.patch_size,
                    " x ", columns * config_.patch_size, "; choose a smaller size"));
  return position_table_.view({side, side, config_.width()})
      .narrow(0, (side - rows) / 2, rows)
      .narrow(1, (side - columns) / 2, columns)
      .flatten(0, 1);
}

Tensor Sd3Transformer::embed(const Tensor& sample) const {
  const Tensor patches = patches_(sample.contiguous(at::MemoryFormat::ChannelsLast));
  return (nn::to_tokens(patches) + positions(patches.size(2), patches.size(3))).contiguous();
}

Tensor Sd3Transformer::operator()(const Tensor& sample, const Tensor& time, const Sd3Prompt& prompt) const {
  const int64_t patch = config_.patch_size;
  GAMUT_CHECK(sample.dim() == 4 && sample.size(1) == config_.in_channels && sample.size(2) % patch == 0 &&
                  sample.size(3) % patch == 0,
              "sample is ", sample.sizes());
  GAMUT_CHECK(time.dim() == 1 && (time.size(0) == 1 || time.size(0) == sample.size(0)), "time is ",
              time.sizes());
  GAMUT_CHECK(prompt.hidden.dim() == 3 && prompt.hidden.size(0) == sample.size(0) &&
                  prompt.pooled.dim() == 2 && prompt.pooled.size(0) == sample.size(0),
              "prompt is ", prompt.hidden.sizes(), " and ", prompt.pooled.sizes(), " for sample ",
              sample.sizes());
  const Tensor signal = at::silu(time_text_embed_(time, prompt.pooled));
  nn::Streams x{embed(sample), context_embedder_(prompt.hidden)};
  for (const nn::JointBlock& block : blocks_) x = run_block(block, x, signal, recompute_);
  const Tensor out = proj_out_(norm_out_(x.image, signal));
  const int64_t rows = sample.size(2) / patch, columns = sample.size(3) / patch;
  return out.view({sample.size(0), rows, columns, patch, patch, config_.out_channels})
      .permute({0, 5, 1, 3, 2, 4})
      .reshape({sample.size(0), config_.out_channels, sample.size(2), sample.size(3)});
}

}  // namespace gamut::models
