// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/clip/clip_text.h"

#include "gamut/core/error.h"
#include "gamut/models/json_config.h"
#include "gamut/nn/attention.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

namespace gamut::models {
namespace {

// transformers' initialization (CLIPPreTrainedModel): normal weights, zero biases.
nn::LinearInit normal_init(double std) { return {nn::Init::normal(std), nn::Init::zeros()}; }

double deep_std(const ClipTextConfig& config) {
  return config.initializer_factor / std::sqrt(double(config.hidden_size) * 2.0 * double(config.layers));
}

double width_std(const ClipTextConfig& config, double times) {
  return config.initializer_factor / std::sqrt(times * double(config.hidden_size));
}

}  // namespace

ClipTextConfig parse_clip_text_config(const nlohmann::json& object, const std::string& file) {
  JsonConfig json(object, file);
  const std::string type = json.string("model_type", "clip_text_model");
  if (type != "clip_text_model") {
    json.fail("model_type", "\"clip_text_model\"");
  }
  ClipTextConfig config;
  config.vocab_size = json.positive("vocab_size", config.vocab_size);
  config.hidden_size = json.positive("hidden_size", config.hidden_size);
  config.intermediate_size = json.positive("intermediate_size", config.intermediate_size);
  config.layers = json.positive("num_hidden_layers", config.layers);
  config.heads = json.positive("num_attention_heads", config.heads);
  config.max_positions = json.positive("max_position_embeddings", config.max_positions);
  config.layer_norm_eps = json.number("layer_norm_eps", config.layer_norm_eps);
  config.initializer_factor = json.number("initializer_factor", 1.0);
  config.eos_token_id = json.integer("eos_token_id", config.eos_token_id);
  const std::string activation = json.string("hidden_act", "quick_gelu");
  if (activation != "quick_gelu" && activation != "gelu") {
    json.fail("hidden_act", "\"quick_gelu\" or \"gelu\"");
  }
  config.quick_gelu = activation == "quick_gelu";
  if (config.hidden_size % config.heads != 0) {
    json.fail("num_attention_heads", cat("a divisor of hidden_size = ", config.hidden_size));
  }
  // transformers writes many general keys into every config, so unknown ones are left alone.
  return config;
}

ClipTextModel::Layer::Layer(const nn::Scope& scope, const ClipTextConfig& config)
    : norm1(scope["layer_norm1"], config.hidden_size, config.layer_norm_eps),
      norm2(scope["layer_norm2"], config.hidden_size, config.layer_norm_eps),
      q(scope["self_attn"]["q_proj"], config.hidden_size, config.hidden_size, normal_init(deep_std(config))),
      k(scope["self_attn"]["k_proj"], config.hidden_size, config.hidden_size, normal_init(deep_std(config))),
      v(scope["self_attn"]["v_proj"], config.hidden_size, config.hidden_size, normal_init(deep_std(config))),
      out(scope["self_attn"]["out_proj"], config.hidden_size, config.hidden_size,
          normal_init(width_std(config, 1))),
      fc1(scope["mlp"]["fc1"], config.hidden_size, config.intermediate_size,
          normal_init(width_std(config, 2))),
      fc2(scope["mlp"]["fc2"], config.intermediate_size, config.hidden_size, normal_init(deep_std(config))),
      heads(config.heads),
      quick_gelu(config.quick_gelu) {}

Tensor ClipTextModel::Layer::operator()(const Tensor& input) const {
  const Tensor normed = norm1(input);
  const Tensor x = input + out(nn::attend(q(normed), k(normed), v(normed), heads, true));
  const Tensor inner = fc1(norm2(x));
  return x + fc2(quick_gelu ? inner * at::sigmoid(1.702 * inner) : at::gelu(inner));
}

ClipTextModel::ClipTextModel(const ClipTextConfig& config, const nn::Scope& scope)
    : config_(config),
      token_embedding_(scope["embeddings"]["token_embedding"], config.vocab_size, config.hidden_size,
                       nn::Init::normal(0.02 * config.initializer_factor)),
      position_embedding_(scope["embeddings"]["position_embedding"], config.max_positions, config.hidden_size,
                          nn::Init::normal(0.02 * config.initializer_factor)),
      final_norm_(scope["final_layer_norm"], config.hidden_size, config.layer_norm_eps) {
  for (int64_t i = 0; i < config.layers; ++i) {
    layers_.emplace_back(scope["encoder"]["layers"][i], config);
  }
}

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
  Tensor x = token_embedding_(ids) + position_embedding_(positions);
  for (const Layer& layer : layers_) {
    x = layer(x);
  }
  const Tensor hidden = final_norm_(x);
  return {hidden, pool(hidden, ids)};
}

}  // namespace gamut::models
