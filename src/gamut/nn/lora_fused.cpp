// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/lora_fused.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace gamut::nn {
namespace {

// Layers that share a matrix, in the order of its rows, by what follows the block's number; `rows` is their
// height in widths of the tokens.
struct Slice {
  std::string layer;
  int64_t rows = 1;
};
using Slices = std::vector<Slice>;

const std::vector<Slices>& matrices_of(const std::string& block) {
  static const std::vector<Slices> kJoint{{{"attn.to_q"}, {"attn.to_k"}, {"attn.to_v"}},
                                          {{"attn.add_q_proj"}, {"attn.add_k_proj"}, {"attn.add_v_proj"}},
                                          {{"attn2.to_q"}, {"attn2.to_k"}, {"attn2.to_v"}}};
  static const std::vector<Slices> kSingle{{{"attn.to_q"}, {"attn.to_k"}, {"attn.to_v"}, {"proj_mlp", 4}}};
  return block.starts_with("single_") ? kSingle : kJoint;
}

// "transformer_blocks.3." of "transformer_blocks.3.attn.to_q"; "" for what is outside the blocks.
std::string block_of(const std::string& path) {
  for (const char* blocks : {"transformer_blocks.", "single_transformer_blocks.", "joint_blocks.",
                             "double_blocks.", "single_blocks."})
    if (path.starts_with(blocks)) {
      const size_t end = path.find('.', std::string(blocks).size());
      return end == std::string::npos ? "" : path.substr(0, end + 1);
    }
  return "";
}

LoraModule zeros_like(const LoraModule& sibling, const std::string& path, int64_t rows) {
  const int64_t width = sibling.down.size(1);
  return {.component = sibling.component,
          .path = path,
          .down = at::zeros({1, width}, sibling.down.options()),
          .up = at::zeros({rows * width, 1}, sibling.up.options()),
          .alpha = 1};
}

// The original name of a layer to diffusers', or of a matrix to its slices.
const std::map<std::string, Slices>& originals_of(const std::string& blocks) {
  static const Slices kImage{{"attn.to_q"}, {"attn.to_k"}, {"attn.to_v"}};
  static const Slices kContext{{"attn.add_q_proj"}, {"attn.add_k_proj"}, {"attn.add_v_proj"}};
  static const std::map<std::string, Slices> kJoint{
      {"x_block.attn.qkv", kImage},
      {"x_block.attn.proj", {{"attn.to_out.0"}}},
      {"context_block.attn.qkv", kContext},
      {"context_block.attn.proj", {{"attn.to_add_out"}}},
      {"x_block.attn2.qkv", {{"attn2.to_q"}, {"attn2.to_k"}, {"attn2.to_v"}}},
      {"x_block.attn2.proj", {{"attn2.to_out.0"}}},
      {"x_block.mlp.fc1", {{"ff.net.0.proj"}}},
      {"x_block.mlp.fc2", {{"ff.net.2"}}},
      {"context_block.mlp.fc1", {{"ff_context.net.0.proj"}}},
      {"context_block.mlp.fc2", {{"ff_context.net.2"}}},
      {"x_block.adaLN_modulation.1", {{"norm1.linear"}}}};
  static const std::map<std::string, Slices> kDouble{{"img_attn.qkv", kImage},
                                                     {"img_attn.proj", {{"attn.to_out.0"}}},
                                                     {"txt_attn.qkv", kContext},
                                                     {"txt_attn.proj", {{"attn.to_add_out"}}},
                                                     {"img_mlp.0", {{"ff.net.0.proj"}}},
                                                     {"img_mlp.2", {{"ff.net.2"}}},
                                                     {"txt_mlp.0", {{"ff_context.net.0.proj"}}},
                                                     {"txt_mlp.2", {{"ff_context.net.2"}}},
                                                     {"img_mod.lin", {{"norm1.linear"}}},
                                                     {"txt_mod.lin", {{"norm1_context.linear"}}}};
  static const std::map<std::string, Slices> kSingle{
      {"linear1", {{"attn.to_q"}, {"attn.to_k"}, {"attn.to_v"}, {"proj_mlp", 4}}},
      {"linear2", {{"proj_out"}}},
      {"modulation.lin", {{"norm.linear"}}}};
  return blocks == "joint_blocks" ? kJoint : blocks == "double_blocks" ? kDouble : kSingle;
}

}  // namespace

bool fills_a_matrix(const LoraModule& module) {
  const std::string block = block_of(module.path);
  if (module.component != "transformer" || module.rank() != 1 || block.empty()) return false;
  return !module.down.any().item<bool>() && !module.up.any().item<bool>();
}

std::vector<LoraModule> with_whole_matrices(const std::vector<LoraModule>& modules) {
  std::map<std::string, LoraModule> by_path;
  for (const LoraModule& module : modules) by_path[module.path] = module;
  for (const LoraModule& module : modules) {
    const std::string block = block_of(module.path);
    if (module.component != "transformer" || block.empty()) continue;
    for (const Slices& matrix : matrices_of(block)) {
      const auto is_it = [&](const Slice& slice) { return block + slice.layer == module.path; };
      if (std::ranges::none_of(matrix, is_it)) continue;
      for (const Slice& slice : matrix) {
        const std::string path = block + slice.layer;
        by_path.try_emplace(path, zeros_like(module, path, slice.rows));
      }
    }
  }
  std::vector<LoraModule> whole;
  for (auto& [path, module] : by_path) whole.push_back(std::move(module));
  return whole;
}

bool names_transformer(const std::string& path) { return !block_of(path).empty(); }

std::vector<LoraModule> in_diffusers_layers(const LoraModule& module, const std::string& origin) {
  const std::string block = block_of(module.path), blocks = block.substr(0, block.find('.'));
  if (blocks != "joint_blocks" && blocks != "double_blocks" && blocks != "single_blocks") return {module};
  const auto& originals = originals_of(blocks);
  const auto found = originals.find(module.path.substr(block.size()));
  if (found == originals.end())
    throw DataError(origin,
                    cat("layer '", printable(module.path), "' has no counterpart among diffusers' layers"));
  int64_t parts = 0, begin = 0;
  for (const Slice& slice : found->second) parts += slice.rows;
  if (module.up.size(0) % parts != 0)
    throw DataError(origin, cat("layer '", printable(module.path), "' must have rows for ", parts,
                                " parts; got ", module.up.size(0)));
  const int64_t height = module.up.size(0) / parts;
  const std::string prefix = blocks == "single_blocks" ? "single_transformer_blocks" : "transformer_blocks";
  std::vector<LoraModule> layers;
  for (const Slice& slice : found->second) {
    LoraModule layer = module;
    layer.path = cat(prefix, block.substr(blocks.size()), slice.layer);
    layer.up = module.up.narrow(0, begin * height, slice.rows * height).contiguous();
    begin += slice.rows;
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace gamut::nn
