// SPDX-License-Identifier: Apache-2.0
// The transformer that both towers of CLIP are made of: pre-norm layers, in transformers' names.
#pragma once

#include "gamut/models/json_config.h"
#include "gamut/nn/layers.h"

#include <cstdint>
#include <vector>

namespace gamut::models {

using at::Tensor;

struct ClipEncoderConfig {
  int64_t hidden_size = 512, intermediate_size = 2048;
  int64_t layers = 12, heads = 8;
  bool quick_gelu = true;  // x * sigmoid(1.702 x) instead of GELU
  double layer_norm_eps = 1e-5;
  double initializer_factor = 1;
};

// Fills the keys of the struct; what is absent keeps the value that `config` came with.
void read_clip_encoder(JsonConfig& json, ClipEncoderConfig& config);

enum class ClipMask { kNone, kCausal };

class ClipEncoder {
 public:
  // `scope` is the place of "layers".
  ClipEncoder(const ClipEncoderConfig& config, ClipMask mask, const nn::Scope& scope);
  Tensor operator()(const Tensor& x_BLD) const { return states(x_BLD).last; }
  struct States {
    Tensor last, penultimate;  // after the last layer, and what went into it
  };
  States states(const Tensor& x_BLD) const;

 private:
  struct Layer {
    Layer(const nn::Scope& scope, const ClipEncoderConfig& config);
    nn::LayerNorm norm1, norm2;
    nn::Linear q, k, v, out, fc1, fc2;
  };
  Tensor apply(const Layer& layer, const Tensor& input) const;

  int64_t heads_;
  bool quick_gelu_, causal_;
  std::vector<Layer> layers_;
};

}  // namespace gamut::models
