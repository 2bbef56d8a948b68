// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/clip/clip_vision.h"

#include "gamut/core/error.h"
#include "gamut/nn/token_linear.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::models {

ClipVisionConfig parse_clip_vision_config(const nlohmann::json& object, const std::string& file) {
  JsonConfig json(object, file);
  const std::string type = json.string("model_type", "clip_vision_model");
  if (type != "clip_vision_model") {
    json.fail("model_type", "\"clip_vision_model\"");
  }
  ClipVisionConfig config;
  read_clip_encoder(json, config);
  json.only("num_channels", 3);
  config.image_size = json.positive("image_size", config.image_size);
  config.patch_size = json.positive("patch_size", config.patch_size);
  config.initializer_range = json.number("initializer_range", config.initializer_range);
  if (config.patch_size > config.image_size) {
    json.fail("patch_size", cat("at most image_size = ", config.image_size));
  }
  // transformers writes many general keys into every config, so unknown ones are left alone.
  return config;
}

ClipVisionModel::ClipVisionModel(const ClipVisionConfig& config, const nn::Scope& scope)
    : config_(config),
      class_embedding_(scope["embeddings"].get(
          "class_embedding", {config.hidden_size},
          nn::Init::normal(config.initializer_factor / std::sqrt(double(config.hidden_size))))),
      patch_weight_(scope["embeddings"]["patch_embedding"].get(
          "weight", {config.hidden_size, 3, config.patch_size, config.patch_size},
          nn::Init::normal(config.initializer_range * config.initializer_factor))),
      position_embedding_(scope["embeddings"]["position_embedding"], config.patches() + 1, config.hidden_size,
                          nn::Init::normal(config.initializer_range * config.initializer_factor)),
      pre_norm_(scope["pre_layrnorm"], config.hidden_size, config.layer_norm_eps),  // the name it has there
      encoder_(config, ClipMask::kNone, scope["encoder"]["layers"]),
      post_norm_(scope["post_layernorm"], config.hidden_size, config.layer_norm_eps) {}

// A convolution whose stride is its size: every patch by itself through one matrix. [B, patches,
// hidden_size].
Tensor ClipVisionModel::embed_patches(const Tensor& pixels) const {
  const int64_t side = config_.patch_size, grid = config_.image_size / side;
  const Tensor whole = pixels.narrow(2, 0, grid * side).narrow(3, 0, grid * side);
  const Tensor patches = whole.unflatten(3, at::IntArrayRef{grid, side})
                             .unflatten(2, at::IntArrayRef{grid, side})
                             .permute({0, 2, 4, 1, 3, 5})
                             .flatten(3)
                             .flatten(1, 2)
                             .contiguous();
  return nn::project(patches, {patch_weight_.flatten(1).contiguous(), std::nullopt});
}

Tensor ClipVisionModel::operator()(const Tensor& pixels) const {
  GAMUT_CHECK(pixels.dim() == 4 && pixels.size(1) == 3 && pixels.size(2) == config_.image_size &&
                  pixels.size(3) == config_.image_size,
              "pixels are ", pixels.sizes(), "; the model sees ", config_.image_size, "x",
              config_.image_size);
  const Tensor patches = embed_patches(pixels.to(patch_weight_.options()));
  const Tensor first = class_embedding_.expand({pixels.size(0), 1, config_.hidden_size});
  const Tensor tokens = at::cat({first, patches}, 1) + position_embedding_.weight;
  return post_norm_(encoder_(pre_norm_(tokens)).select(1, 0));
}

}  // namespace gamut::models
