// SPDX-License-Identifier: Apache-2.0
// A model folder without weights whose network is as small as one can be: 8x8 pictures, 4x4 latents, a U-Net
// of two levels with eight channels. Pipeline::create(write_tiny_model(folder), seed, {}) draws the weights.
#pragma once

#include "gamut/io/files.h"
#include "gamut/models/pipeline.h"
#include "gamut/text/clip_tokenizer.h"

#include <nlohmann/json.hpp>

#include <filesystem>

namespace gamut::testing {

inline nlohmann::json tiny_unet() {
  return {{"_class_name", "UNet2DConditionModel"},
          {"addition_embed_type", "text"},
          {"addition_embed_type_num_heads", 2},
          {"attention_head_dim", 2},
          {"block_out_channels", {8, 8}},
          {"cross_attention_dim", 8},
          {"down_block_types", {"DownBlock2D", "CrossAttnDownBlock2D"}},
          {"up_block_types", {"CrossAttnUpBlock2D", "UpBlock2D"}},
          {"mid_block_type", nullptr},
          {"layers_per_block", 1},
          {"norm_num_groups", 4},
          {"in_channels", 12},
          {"out_channels", 12},
          {"sample_size", 4},
          {"use_linear_projection", true}};
}

inline nlohmann::json tiny_text_encoder() {
  return {{"architectures", {"CLIPTextModel"}},
          {"model_type", "clip_text_model"},
          {"hidden_act", "quick_gelu"},
          {"hidden_size", 8},
          {"intermediate_size", 16},
          {"max_position_embeddings", 8},
          {"num_attention_heads", 2},
          {"num_hidden_layers", 1},
          {"projection_dim", 8}};
}

inline std::filesystem::path write_tiny_model(const std::filesystem::path& folder, double shift = 1.0) {
  for (const char* part : {"scheduler", "text_encoder", "tokenizer", "unet", "vae"})
    std::filesystem::create_directories(folder / part);
  io::write_json(folder / "model_index.json",
                 {{"_class_name", "StableDiffusionPipeline"},
                  {"scheduler", {"diffusers", "FlowMatchEulerDiscreteScheduler"}},
                  {"text_encoder", {"transformers", "CLIPTextModel"}},
                  {"tokenizer", {"transformers", "CLIPTokenizer"}},
                  {"unet", {"diffusers", "UNet2DConditionModel"}},
                  {"vae", {"gamut", "SpaceToDepth"}}});
  io::write_json(folder / "scheduler/scheduler_config.json",
                 {{"_class_name", "FlowMatchEulerDiscreteScheduler"},
                  {"num_train_timesteps", 1000},
                  {"shift", shift},
                  {"use_dynamic_shifting", false}});
  io::write_json(folder / "text_encoder/config.json", tiny_text_encoder());
  io::write_json(folder / "unet/config.json", tiny_unet());
  io::write_json(folder / "vae/config.json", {{"_class_name", "SpaceToDepth"}, {"block_size", 2}});
  text::write_word_tokenizer(folder / "tokenizer", {"the", "digit", "letter", "7", "k"}, 8);
  return folder;
}

// Turns such a folder into an epsilon-prediction model with Stable Diffusion 1.x's noise table.
inline void make_ddim(const std::filesystem::path& folder) {
  nlohmann::json index = io::read_json(folder / "model_index.json");
  index["scheduler"] = {"diffusers", "DDIMScheduler"};
  io::write_json(folder / "model_index.json", index);
  io::write_json(folder / "scheduler/scheduler_config.json", {{"_class_name", "DDIMScheduler"},
                                                              {"num_train_timesteps", 1000},
                                                              {"beta_start", 0.00085},
                                                              {"beta_end", 0.012},
                                                              {"beta_schedule", "scaled_linear"},
                                                              {"prediction_type", "epsilon"},
                                                              {"timestep_spacing", "leading"},
                                                              {"steps_offset", 1},
                                                              {"clip_sample", false},
                                                              {"set_alpha_to_one", false}});
}

}  // namespace gamut::testing
