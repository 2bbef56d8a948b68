// SPDX-License-Identifier: Apache-2.0
// The spellings of tensor names in LoRA files.
#include "gamut/core/error.h"
#include "gamut/nn/lora_file.h"
#include "gamut/nn/lora_fused.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace gamut::nn {
namespace {

using Part = LoraKey::Part;

struct Ending {
  std::string_view text;
  Part part;
};
constexpr Ending kEndings[] = {
    {".lora_A.weight", Part::kDown},
    {".lora_B.weight", Part::kUp},
    {".lora_A.default.weight", Part::kDown},
    {".lora_B.default.weight", Part::kUp},
    {".lora_down.weight", Part::kDown},
    {".lora_up.weight", Part::kUp},
    {".lora.down.weight", Part::kDown},
    {".lora.up.weight", Part::kUp},
    {".lora_linear_layer.down.weight", Part::kDown},
    {".lora_linear_layer.up.weight", Part::kUp},
    {"_lora.down.weight", Part::kDown},
    {"_lora.up.weight", Part::kUp},
    {".alpha", Part::kAlpha},
};

struct Prefix {
  std::string_view text, component;
  bool flat;
};
constexpr Prefix kPrefixes[] = {
    {"unet.", "unet", false},
    {"transformer.", "transformer", false},
    {"text_encoder.", "text_encoder", false},
    {"text_encoder_2.", "text_encoder_2", false},
    {"lora_unet_", "unet", true},
    {"lora_transformer_", "transformer", true},
    {"lora_te_", "text_encoder", true},
    {"lora_te1_", "text_encoder", true},
    {"lora_te2_", "text_encoder_2", true},
    {"lycoris_", "unet", true},
};

// Words of module names that contain underscores themselves: of the original code of Stable Diffusion 3 and
// FLUX, of diffusers and transformers.
constexpr std::string_view kWords[] = {
    "joint_blocks",
    "double_blocks",
    "single_blocks",
    "x_block",
    "context_block",
    "img_attn",
    "txt_attn",
    "img_mlp",
    "txt_mlp",
    "img_mod",
    "txt_mod",
    "adaLN_modulation",
    "add_embedding",
    "add_k_proj",
    "add_q_proj",
    "add_v_proj",
    "class_embedding",
    "cond_proj",
    "context_embedder",
    "conv_in",
    "conv_norm_out",
    "conv_out",
    "conv_shortcut",
    "down_blocks",
    "encoder_hid_proj",
    "ff_context",
    "guidance_embedder",
    "k_proj",
    "linear_1",
    "linear_2",
    "mid_block",
    "norm1_context",
    "norm_out",
    "out_proj",
    "position_embedding",
    "proj_in",
    "proj_mlp",
    "proj_out",
    "q_proj",
    "self_attn",
    "text_embedder",
    "text_model",
    "text_projection",
    "time_emb_proj",
    "time_embedding",
    "time_proj",
    "time_text_embed",
    "timestep_embedder",
    "to_add_out",
    "to_k",
    "to_out",
    "to_q",
    "to_v",
    "token_embedding",
    "transformer_blocks",
    "single_transformer_blocks",
    "up_blocks",
    "v_proj",
    "x_embedder",
};

std::string guess_component(const std::string& path) {
  if (path.starts_with("text_model.") || path.find("self_attn.") != std::string::npos) {
    return "text_encoder";
  }
  return names_transformer(path) ? "transformer" : "unet";
}

std::optional<Ending> ending_of(const std::string& key) {
  for (const Ending& ending : kEndings) {
    if (key.ends_with(ending.text)) {
      return ending;
    }
  }
  return std::nullopt;
}

bool take_prefix(std::string& path, std::string_view prefix) {
  if (!path.starts_with(prefix)) {
    return false;
  }
  path.erase(0, prefix.size());
  return true;
}

void locate(std::string path, LoraKey& key) {
  const bool peft = take_prefix(path, "base_model.model.");
  for (const Prefix& prefix : kPrefixes) {
    if (take_prefix(path, prefix.text)) {
      key.path = prefix.flat ? dotted_path(path) : path;
      // kohya's word for whatever denoises is "unet".
      key.component =
          prefix.component == "unet" && names_transformer(key.path) ? "transformer" : prefix.component;
      return;
    }
  }
  const bool comfy = take_prefix(path, "diffusion_model.") || take_prefix(path, "model.diffusion_model.");
  key.component = guess_component(path);
  key.path = path;
  key.bare = !peft && !comfy;
}

// diffusers before 0.20: "….attn1.processor.to_out_lora.down.weight" is a part of "….attn1.to_out.0".
void modernize(std::string& path) {
  const size_t place = path.find(".processor.");
  if (place == std::string::npos) {
    return;
  }
  path.erase(place, std::string_view(".processor").size());
  if (path.ends_with(".to_out")) {
    path += ".0";
  }
}

}  // namespace

std::string flat_path(const std::string& path) {
  std::string flat = path;
  std::ranges::replace(flat, '.', '_');
  return flat;
}

std::string dotted_path(const std::string& flat) {
  std::string path;
  size_t at = 0;
  while (at < flat.size()) {
    size_t length = std::min(flat.find('_', at), flat.size()) - at;
    for (const std::string_view word : kWords) {
      const size_t end = at + word.size();
      const bool whole = end == flat.size() || (end < flat.size() && flat[end] == '_');
      if (whole && word.size() > length && flat.compare(at, word.size(), word) == 0) {
        length = word.size();
      }
    }
    if (!path.empty()) {
      path += '.';
    }
    path.append(flat, at, length);
    at += length + 1;
  }
  return path;
}

LoraKey parse_lora_key(const std::string& name, const std::string& origin) {
  const std::optional<Ending> ending = ending_of(name);
  if (!ending) {
    throw DataError(
        origin, cat("tensor '", name.substr(0, 200), "' is no part of a LoRA; expected names that end in ",
                    ".lora_A.weight and .lora_B.weight, .lora_down.weight and .lora_up.weight, or .alpha; ",
                    "other kinds of adapter (DoRA, LoHa, LoKr) and full weights are not read"));
  }
  LoraKey key;
  key.part = ending->part;
  locate(name.substr(0, name.size() - ending->text.size()), key);
  modernize(key.path);
  if (key.path.empty()) {
    throw DataError(origin, cat("tensor '", name, "' names no layer"));
  }
  return key;
}

}  // namespace gamut::nn
