// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/clip/clip_encoder.h"

#include "gamut/core/error.h"
#include "gamut/nn/attention.h"

#include <ATen/ATen.h>

#include <cmath>
#include <string>

namespace gamut::models {
namespace {

// transformers' initialization (CLIPPreTrainedModel): normal weights, zero biases.
nn::LinearInit normal_init(double std) { return {nn::Init::normal(std), nn::Init::zeros()}; }

double deep_std(const ClipEncoderConfig& config) {
  return config.initializer_factor / std::sqrt(double(config.hidden_size) * 2.0 * double(config.layers));
}

double width_std(const ClipEncoderConfig& config, double times) {
  return config.initializer_factor / std::sqrt(times * double(config.hidden_size));
}

}  // namespace

void read_clip_encoder(JsonConfig& json, ClipEncoderConfig& config) {
  config.hidden_size = json.positive("hidden_size", config.hidden_size);
  config.intermediate_size = json.positive("intermediate_size", config.intermediate_size);
  config.layers = json.positive("num_hidden_layers", config.layers);
  config.heads = json.positive("num_attention_heads", config.heads);
  config.layer_norm_eps = json.number("layer_norm_eps", config.layer_norm_eps);
  config.initializer_factor = json.number("initializer_factor", 1.0);
  const std::string activation = json.string("hidden_act", "quick_gelu");
  if (activation != "quick_gelu" && activation != "gelu") {
    json.fail("hidden_act", "\"quick_gelu\" or \"gelu\"");
  }
  config.quick_gelu = activation == "quick_gelu";
  if (config.hidden_size % config.heads != 0) {
    json.fail("num_attention_heads", cat("a divisor of hidden_size = ", config.hidden_size));
  }
}

ClipEncoder::Layer::Layer(const nn::Scope& scope, const ClipEncoderConfig& config)
    : norm1(scope["layer_norm1"], config.hidden_size, config.layer_norm_eps),
      norm2(scope["layer_norm2"], config.hidden_size, config.layer_norm_eps),
      q(scope["self_attn"]["q_proj"], config.hidden_size, config.hidden_size, normal_init(deep_std(config))),
      k(scope["self_attn"]["k_proj"], config.hidden_size, config.hidden_size, normal_init(deep_std(config))),
      v(scope["self_attn"]["v_proj"], config.hidden_size, config.hidden_size, normal_init(deep_std(config))),
      out(scope["self_attn"]["out_proj"], config.hidden_size, config.hidden_size,
          normal_init(width_std(config, 1))),
      fc1(scope["mlp"]["fc1"], config.hidden_size, config.intermediate_size,
          normal_init(width_std(config, 2))),
      fc2(scope["mlp"]["fc2"], config.intermediate_size, config.hidden_size, normal_init(deep_std(config))) {}

ClipEncoder::ClipEncoder(const ClipEncoderConfig& config, ClipMask mask, const nn::Scope& scope)
    : heads_(config.heads), quick_gelu_(config.quick_gelu), causal_(mask == ClipMask::kCausal) {
  for (int64_t i = 0; i < config.layers; ++i) {
    layers_.emplace_back(scope[i], config);
  }
}

Tensor ClipEncoder::apply(const Layer& layer, const Tensor& input) const {
  const Tensor normed = layer.norm1(input);
  const Tensor mixed = nn::attend(layer.q(normed), layer.k(normed), layer.v(normed), heads_, causal_);
  const Tensor x = input + layer.out(mixed);
  const Tensor inner = layer.fc1(layer.norm2(x));
  return x + layer.fc2(quick_gelu_ ? inner * at::sigmoid(1.702 * inner) : at::gelu(inner));
}

ClipEncoder::States ClipEncoder::states(const Tensor& x) const {
  States states{x, {}};
  for (const Layer& layer : layers_) {
    states.penultimate = states.last;
    states.last = apply(layer, states.last);
  }
  return states;
}

}  // namespace gamut::models
