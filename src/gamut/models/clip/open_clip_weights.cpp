// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/clip/open_clip_weights.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

#include <utility>

namespace gamut::models {
namespace {

using Renaming = std::pair<const char*, const char*>;

// Beginnings of names; the first that fits wins.
constexpr Renaming kPlaces[] = {
    {"visual.transformer.resblocks.", "vision_model.encoder.layers."},
    {"visual.class_embedding", "vision_model.embeddings.class_embedding"},
    {"visual.conv1.", "vision_model.embeddings.patch_embedding."},
    {"visual.positional_embedding", "vision_model.embeddings.position_embedding.weight"},
    {"visual.ln_pre.", "vision_model.pre_layrnorm."},
    {"visual.ln_post.", "vision_model.post_layernorm."},
    {"visual.proj", "visual_projection.weight"},
    {"transformer.resblocks.", "text_model.encoder.layers."},
    {"token_embedding.", "text_model.embeddings.token_embedding."},
    {"positional_embedding", "text_model.embeddings.position_embedding.weight"},
    {"ln_final.", "text_model.final_layer_norm."},
    {"text_projection", "text_projection.weight"},
};

// Inside a block.
constexpr Renaming kParts[] = {
    {".ln_1.", ".layer_norm1."}, {".ln_2.", ".layer_norm2."},   {".attn.out_proj.", ".self_attn.out_proj."},
    {".mlp.c_fc.", ".mlp.fc1."}, {".mlp.c_proj.", ".mlp.fc2."}, {".attn.in_proj_", ".self_attn.in_proj_"},
};

std::string renamed(std::string name) {
  for (const auto& [from, to] : kPlaces)
    if (name.starts_with(from)) {
      name = to + name.substr(std::string_view(from).size());
      break;
    }
  for (const auto& [from, to] : kParts)
    if (const size_t place = name.find(from); place != std::string::npos)
      name.replace(place, std::string_view(from).size(), to);
  return name;
}

bool is_projection(const std::string& name) { return name == "visual.proj" || name == "text_projection"; }

}  // namespace

bool has_open_clip_names(const nn::TensorMap& tensors) { return tensors.contains("visual.conv1.weight"); }

nn::TensorMap from_open_clip_names(const nn::TensorMap& tensors, const std::string& file) {
  nn::TensorMap out;
  for (const auto& [old_name, tensor] : tensors) {
    const std::string name = renamed(old_name);
    const size_t fused = name.find("in_proj_");
    if (fused == std::string::npos) {
      out[name] = is_projection(old_name) && tensor.dim() == 2 ? tensor.t().contiguous() : tensor;
      continue;
    }
    if (tensor.dim() == 0 || tensor.size(0) % 3 != 0)
      throw DataError(
          file, cat("tensor '", old_name, "' must hold query, key and value; got shape ", tensor.sizes()));
    const std::vector<at::Tensor> three = tensor.chunk(3);
    const std::string kind = name.substr(fused + std::string_view("in_proj_").size());
    const char* const letters[] = {"q", "k", "v"};
    for (size_t i = 0; i < 3; ++i) out[cat(name.substr(0, fused), letters[i], "_proj.", kind)] = three[i];
  }
  return out;
}

}  // namespace gamut::models
