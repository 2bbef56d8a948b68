// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/t5/t5_encoder.h"

#include "gamut/core/error.h"
#include "gamut/models/json_config.h"
#include "gamut/nn/attention.h"
#include "gamut/nn/gelu_tanh.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::models {
namespace {

constexpr const char* kShared = "shared.weight";
constexpr const char* kTied = "encoder.embed_tokens.weight";

// Near tokens have a bucket each, farther ones share buckets that widen with the logarithm of the distance,
// and all beyond max_distance share the last; one half of the buckets looks back, the other ahead.
Tensor bucket_of(const Tensor& distance, const T5Config& config) {
  const int64_t half = config.buckets / 2, near = half / 2;
  const Tensor steps = distance.abs();
  const double widening = std::log(double(config.max_distance) / double(near));
  const Tensor far =
      (at::log(steps.to(at::kFloat) / double(near)) / widening * double(half - near)).to(at::kLong) + near;
  return distance.gt(0).to(at::kLong) * half + at::where(steps.lt(near), steps, far.clamp_max(half - 1));
}

// Infinities of fp16 would end in NaN.
Tensor below_infinity(const Tensor& x) { return x.scalar_type() == at::kHalf ? x.clamp(-64504, 64504) : x; }

nn::RmsNorm norm_of(const nn::Scope& scope, const T5Config& config) {
  return nn::RmsNorm(scope["layer_norm"], config.width, config.norm_eps);
}

}  // namespace

T5Config parse_t5_config(const nlohmann::json& object, const std::string& file) {
  JsonConfig json(object, file);
  json.only("model_type", "t5");
  if (json.string("feed_forward_proj", "relu") != "gated-gelu")
    json.fail("feed_forward_proj", "\"gated-gelu\", T5's version 1.1");
  json.only("is_decoder", false);
  T5Config config;
  json.sizes({{"vocab_size", config.vocab_size},
              {"d_model", config.width},
              {"d_kv", config.head_width},
              {"d_ff", config.inner},
              {"num_layers", config.layers},
              {"num_heads", config.heads},
              {"relative_attention_num_buckets", config.buckets},
              {"relative_attention_max_distance", config.max_distance}});
  config.norm_eps = json.number("layer_norm_epsilon", config.norm_eps);
  if (config.buckets % 4 != 0) json.fail("relative_attention_num_buckets", "a multiple of 4");
  if (config.max_distance <= config.buckets / 4)
    json.fail("relative_attention_max_distance",
              cat("more than ", config.buckets / 4, ", a quarter of the buckets"));
  // transformers writes many general keys into every config, so unknown ones are left alone.
  return config;
}

nn::TensorMap with_t5_names(nn::TensorMap tensors) {
  const auto tied = tensors.find(kTied);
  if (tied == tensors.end()) return tensors;
  tensors.try_emplace(kShared, tied->second);
  tensors.erase(kTied);
  return tensors;
}

T5Encoder::Layer::Layer(const nn::Scope& scope, const T5Config& config, at::ScalarType dtype)
    : out_type(dtype == at::kHalf ? at::kFloat : dtype),
      q(scope[0]["SelfAttention"]["q"], config.width, config.heads * config.head_width, false),
      k(scope[0]["SelfAttention"]["k"], config.width, config.heads * config.head_width, false),
      v(scope[0]["SelfAttention"]["v"], config.width, config.heads * config.head_width, false),
      o(scope[0]["SelfAttention"]["o"], config.heads * config.head_width, config.width, false),
      wi_0(scope[1]["DenseReluDense"]["wi_0"], config.width, config.inner, false),
      wi_1(scope[1]["DenseReluDense"]["wi_1"], config.width, config.inner, false),
      wo(scope[1]["DenseReluDense"]["wo"].in_type(out_type), config.inner, config.width, false),
      attention_norm(norm_of(scope[0], config)),
      forward_norm(norm_of(scope[1], config)) {}

T5Encoder::T5Encoder(const T5Config& config, const nn::Scope& scope, at::ScalarType dtype)
    : config_(config),
      embedding_(scope["shared"], config.vocab_size, config.width),
      relative_attention_bias_(
          scope["encoder"]["block"][0]["layer"][0]["SelfAttention"]["relative_attention_bias"],
          config.buckets, config.heads),
      final_norm_(scope["encoder"]["final_layer_norm"], config.width, config.norm_eps) {
  for (int64_t i = 0; i < config.layers; ++i)
    layers_.emplace_back(scope["encoder"]["block"][i]["layer"], config, dtype);
}

// [1, heads, tokens, tokens], the same in all layers.
Tensor T5Encoder::position_bias(int64_t tokens) const {
  const Tensor places = at::arange(tokens, embedding_.weight.options().dtype(at::kLong).requires_grad(false));
  const Tensor buckets = bucket_of(places.unsqueeze(0) - places.unsqueeze(1), config_);
  return relative_attention_bias_(buckets).permute({2, 0, 1}).unsqueeze(0).contiguous();
}

Tensor T5Encoder::apply(const Layer& layer, const Tensor& x, const Tensor& bias) {
  const Tensor told = layer.attention_norm(x);
  const Tensor mixed =
      below_infinity(x + layer.o(nn::attend_biased(layer.q(told), layer.k(told), layer.v(told), bias)));
  const Tensor again = layer.forward_norm(mixed);
  const Tensor inner = nn::gelu_tanh(layer.wi_0(again)) * layer.wi_1(again);
  return below_infinity(mixed + layer.wo(inner.to(layer.out_type)));
}

Tensor T5Encoder::operator()(const Tensor& ids) const {
  GAMUT_CHECK(ids.dim() == 2, "ids are ", ids.sizes());
  const Tensor bias = position_bias(ids.size(1));
  Tensor x = embedding_(ids);
  for (const Layer& layer : layers_) x = apply(layer, x, bias);
  return final_norm_(x);
}

}  // namespace gamut::models
