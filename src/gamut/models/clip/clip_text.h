// SPDX-License-Identifier: Apache-2.0
// transformers' CLIPTextModel: token ids to one vector per token, and one per text.
#pragma once

#include "gamut/nn/layers.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace gamut::models {

using at::Tensor;

struct ClipTextConfig {
  int64_t vocab_size = 49408, hidden_size = 512, intermediate_size = 2048;
  int64_t layers = 12, heads = 8, max_positions = 77;
  bool quick_gelu = true;  // x * sigmoid(1.702 x) instead of GELU
  double layer_norm_eps = 1e-5;
  double initializer_factor = 1;
  int64_t eos_token_id = 49407;
};

// DataError naming key and value for whatever is not computed here.
ClipTextConfig parse_clip_text_config(const nlohmann::json& json, const std::string& file);

struct ClipTextOutput {
  Tensor last_hidden_state;  // [B, L, hidden_size], after the final layer norm
  Tensor pooled;             // [B, hidden_size]: the state at the first end token
};

class ClipTextModel {
 public:
  ClipTextModel(const ClipTextConfig& config, const nn::Scope& scope);
  ClipTextOutput operator()(const Tensor& ids_BL) const;  // int64, L <= max_positions
  const ClipTextConfig& config() const { return config_; }

  // The prefix of the tensor names in a file: "text_model" up to transformers 4, "" since 5.
  static std::string name_prefix(const nn::TensorMap& tensors);

 private:
  struct Layer {
    Layer(const nn::Scope& scope, const ClipTextConfig& config);
    Tensor operator()(const Tensor& x) const;
    nn::LayerNorm norm1, norm2;
    nn::Linear q, k, v, out, fc1, fc2;
    int64_t heads;
    bool quick_gelu;
  };
  Tensor pool(const Tensor& hidden, const Tensor& ids) const;

  ClipTextConfig config_;
  nn::Embedding token_embedding_, position_embedding_;
  std::vector<Layer> layers_;
  nn::LayerNorm final_norm_;
};

}  // namespace gamut::models
