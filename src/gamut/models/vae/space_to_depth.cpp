// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/vae/space_to_depth.h"

#include "gamut/models/json_config.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

namespace gamut::models {

at::Tensor SpaceToDepth::encode(const at::Tensor& pictures) const {
  return at::pixel_unshuffle(pictures * 2 - 1, block_size).contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor SpaceToDepth::decode(const at::Tensor& latents) const {
  const at::Tensor pictures = at::pixel_shuffle(latents, block_size) / 2 + 0.5;
  return pictures.clamp(0.0, 1.0).contiguous(at::MemoryFormat::ChannelsLast);
}

SpaceToDepth parse_space_to_depth(const nlohmann::json& object, const std::string& file) {
  JsonConfig json(object, file);
  json.only("_class_name", "SpaceToDepth");
  SpaceToDepth coder;
  coder.block_size = json.positive("block_size", 2);
  json.finish();
  return coder;
}

}  // namespace gamut::models
