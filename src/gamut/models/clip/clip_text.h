// SPDX-License-Identifier: Apache-2.0
// transformers' CLIPTextModel: token ids to one vector per token, and one per text; and
// CLIPTextModelWithProjection, whose vector per text is projected into the space that it shares with
// pictures.
#pragma once

#include "gamut/models/clip/clip_encoder.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gamut::models {

struct ClipTextConfig : ClipEncoderConfig {
  int64_t vocab_size = 49408, max_positions = 77;
  int64_t eos_token_id = 49407;
  int64_t projection_dim = 512;  // of CLIPTextModelWithProjection
};

// DataError naming key and value for whatever is not computed here.
ClipTextConfig parse_clip_text_config(const nlohmann::json& json, const std::string& file);

struct ClipTextOutput {
  Tensor last_hidden_state;  // [B, L, hidden_size], after the final layer norm
  Tensor penultimate;        // the same shape: hidden_states[-2], before the last layer and without that norm
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
  Tensor pool(const Tensor& hidden, const Tensor& ids) const;

  ClipTextConfig config_;
  nn::Embedding token_embedding_, position_embedding_;
  ClipEncoder encoder_;
  nn::LayerNorm final_norm_;
};

class ClipTextWithProjection {
 public:
  // `scope` is the root: files name "text_model.…" and "text_projection.weight".
  ClipTextWithProjection(const ClipTextConfig& config, const nn::Scope& scope);
  ClipTextOutput operator()(const Tensor& ids_BL) const;  // pooled is projected: [B, projection_dim]
  const ClipTextConfig& config() const { return model_.config(); }

 private:
  ClipTextModel model_;
  nn::Linear projection_;
};

}  // namespace gamut::models
