// SPDX-License-Identifier: Apache-2.0
// Files of low-rank adapters, in every spelling that is met in the wild:
//
//   diffusers  unet.down_blocks.0.….to_q.lora_A.weight      header: lora_adapter_metadata
//   peft       base_model.model.down_blocks.0.….to_q.lora_A.weight + adapter_config.json (a folder)
//   kohya      lora_unet_down_blocks_0_…_to_q.lora_down.weight, .lora_up.weight, .alpha
//
// and older ones (…to_q.lora.down.weight, ….processor.to_q_lora.down.weight, .lora_A.default.weight). Of a
// transformer (Stable Diffusion 3, FLUX): transformer.transformer_blocks.…, lora_transformer_…, and its
// original names (lora_unet_joint_blocks_0_x_block_attn_qkv, diffusion_model.single_blocks.0.linear1), whose
// matrices are taken apart.
//
//   const LoraFile file = load_lora("adapter.safetensors");
//   save_lora("out", file, LoraFormat::kPeft);
#pragma once

#include "gamut/nn/params.h"

#include <filesystem>
#include <string>
#include <vector>

namespace gamut::nn {

// The layer's weight grows by (alpha / r) B A.
struct LoraModule {
  std::string component;  // unet | transformer | text_encoder | text_encoder_2
  std::string path;       // of the layer in that component: "mid_block.attentions.0.proj_in"
  Tensor down;            // A: [r, in] or [r, in, k, k], in the file's type
  Tensor up;              // B: [out, r] or [out, r, 1, 1]
  double alpha = 0;
  int64_t rank() const { return down.size(0); }
};

struct LoraFile {
  std::string origin;               // opens every message
  std::vector<LoraModule> modules;  // by component, then path
};

std::vector<LoraModule> modules_of(const LoraFile& file, const std::string& component);

enum class LoraFormat { kDiffusers, kPeft, kKohya };

// A .safetensors file, a peft folder, a folder with pytorch_lora_weights.safetensors (what `gamut train`
// leaves), or a folder of peft folders named by component. Alpha comes from .alpha tensors, else
// adapter_config.json, else the header's metadata, else it is the rank (diffusers' convention). DataError
// names the key for: unknown keys, a missing half, ranks that differ, values that are not finite, other kinds
// of adapter (DoRA, LoHa, LoKr).
LoraFile load_lora(const std::filesystem::path& path);

// diffusers: one file with alpha / r folded into B in fp32, so that every reader's scale is 1, with or
// without metadata; of a transformer also zeros for what completes a matrix of stable-diffusion.cpp's
// (lora_fused.h). peft: a folder (one below it per component if there are several). kohya: one file with
// alphas; layers that do not share rank and alpha are folded, and padded with zeros to the largest rank,
// which is every alpha then. A path without extension gets a folder; diffusers' file in it is
// pytorch_lora_weights.safetensors. Atomic per file.
void save_lora(const std::filesystem::path& path, const LoraFile& file, LoraFormat format);

// One key of a file, taken apart.
struct LoraKey {
  enum class Part { kDown, kUp, kAlpha } part = Part::kDown;
  std::string component, path;
  bool bare = false;  // names no component: that was guessed
};
// DataError when the key is no part of a LoRA.
LoraKey parse_lora_key(const std::string& key, const std::string& origin);
// "mid_block.attentions.0" -> "mid_block_attentions_0", and back by the words that contain underscores.
std::string flat_path(const std::string& path);
std::string dotted_path(const std::string& flat);

}  // namespace gamut::nn
