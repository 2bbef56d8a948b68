// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/clip/clip_text.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

namespace gamut::models {

ClipTextConfig parse_clip_text_config(const nlohmann::json& object, const std::string& file) {
  JsonConfig json(object, file);
  const std::string type = json.string("model_type", "clip_text_model");
  if (type != "clip_text_model") {
    json.fail("model_type", "\"clip_text_model\"");
  }
  ClipTextConfig config;
  read_clip_encoder(json, config);
  config.vocab_size = json.positive("vocab_size", config.vocab_size);
  config.max_positions = json.positive("max_position_embeddings", config.max_positions);
  config.eos_token_id = json.integer("eos_token_id", config.eos_token_id);
  config.projection_dim = json.positive("projection_dim", config.projection_dim);
  // transformers writes many general keys into every config, so unknown ones are left alone.
  return config;
}

ClipTextModel::ClipTextModel(const ClipTextConfig& config, const nn::Scope& scope)
    : config_(config),
      token_embedding_(scope["embeddings"]["token_embedding"], config.vocab_size, config.hidden_size,
                       nn::Init::normal(0.02 * config.initializer_factor)),
      position_embedding_(scope["embeddings"]["position_embedding"], config.max_positions, config.hidden_size,
                          nn::Init::normal(0.02 * config.initializer_factor)),
      encoder_(config, ClipMask::kCausal, scope["encoder"]["layers"]),
      final_norm_(scope["final_layer_norm"], config.hidden_size, config.layer_norm_eps) {}

std::string ClipTextModel::name_prefix(const nn::TensorMap& tensors) {
  const auto first = tensors.lower_bound("text_model.");
  return first != tensors.end() && first->first.starts_with("text_model.") ? "text_model" : "";
}

// Configs older than transformers 4.31 carry the wrong end token 2; there the highest id of the text is the
// end.
Tensor ClipTextModel::pool(const Tensor& hidden, const Tensor& ids) const {
  const Tensor end =
      config_.eos_token_id == 2 ? ids.argmax(1) : ids.eq(config_.eos_token_id).to(at::kInt).argmax(1);
  const Tensor index = end.view({-1, 1, 1}).expand({-1, 1, hidden.size(2)});
  return hidden.gather(1, index).squeeze(1);
}

ClipTextOutput ClipTextModel::operator()(const Tensor& ids) const {
  GAMUT_CHECK(ids.dim() == 2 && ids.size(1) <= config_.max_positions, "ids are ", ids.sizes(),
              "; the context is ", config_.max_positions);
  const Tensor positions = at::arange(ids.size(1), ids.options());
  const ClipEncoder::States states = encoder_.states(token_embedding_(ids) + position_embedding_(positions));
  const Tensor hidden = final_norm_(states.last);
  return {hidden, states.penultimate, pool(hidden, ids)};
}

ClipTextWithProjection::ClipTextWithProjection(const ClipTextConfig& config, const nn::Scope& scope)
    : model_(config, scope["text_model"]),
      projection_(scope["text_projection"], config.hidden_size, config.projection_dim, false) {}

ClipTextOutput ClipTextWithProjection::operator()(const Tensor& ids) const {
  ClipTextOutput out = model_(ids);
  out.pooled = projection_(out.pooled);
  return out;
}

}  // namespace gamut::models
