// SPDX-License-Identifier: Apache-2.0
// The weightless "autoencoder" of bases that work on pixels: each block of block x block pixels becomes the
// channels of one latent pixel. vae/config.json: {"_class_name": "SpaceToDepth", "block_size": 2}.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gamut::models {

struct SpaceToDepth {
  int64_t block_size = 2;
  // [B, 3, H, W] in [0, 1] to [B, 3 block², H / block, W / block] in [-1, 1]. H and W are multiples of the
  // block.
  at::Tensor encode(const at::Tensor& pictures) const;
  // The reverse; values outside [-1, 1] end at 0 or 1.
  at::Tensor decode(const at::Tensor& latents) const;
};

SpaceToDepth parse_space_to_depth(const nlohmann::json& json, const std::string& file);

}  // namespace gamut::models
