// SPDX-License-Identifier: Apache-2.0
// transformers' T5EncoderModel, version 1.1 (gated GELU): token ids to one vector per token.
//
//   nn::ParamStore store = nn::ParamStore::from_tensors(with_t5_names(tensors), "text_encoder_3", options);
//   T5Encoder t5(parse_t5_config(json, file), nn::Scope(store), options.dtype);
//   Tensor hidden_BLD = t5(ids_BL);
#pragma once

#include "gamut/nn/layers.h"
#include "gamut/nn/rms_norm.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace gamut::models {

using at::Tensor;

struct T5Config {
  int64_t vocab_size = 32128, width = 512, head_width = 64, inner = 2048, layers = 6, heads = 8;
  int64_t buckets = 32, max_distance = 128;  // of relative positions
  double norm_eps = 1e-6;
};

// DataError naming key and value for whatever is not computed here: T5 before 1.1, decoders.
T5Config parse_t5_config(const nlohmann::json& json, const std::string& file);

// Files may hold the embedding as "encoder.embed_tokens.weight", as "shared.weight", or twice: one of them as
// the latter.
nn::TensorMap with_t5_names(nn::TensorMap tensors);

class T5Encoder {
 public:
  // `dtype` is what the scope's store holds weights in. In fp16 the last layer of each feed-forward half is
  // held, and the sums that it adds to are kept, in fp32, as transformers does it: they leave fp16's range.
  T5Encoder(const T5Config& config, const nn::Scope& scope, at::ScalarType dtype = at::kFloat);
  // int64 ids, padding and all: Stable Diffusion 3's and FLUX's prompts are encoded without a mask. [B, L,
  // width]
  Tensor operator()(const Tensor& ids_BL) const;
  const T5Config& config() const { return config_; }

 private:
  struct Layer {
    Layer(const nn::Scope& scope, const T5Config& config, at::ScalarType dtype);
    at::ScalarType out_type;  // that wo is held or, in int8, computed in
    nn::Linear q, k, v, o, wi_0, wi_1, wo;
    nn::RmsNorm attention_norm, forward_norm;
  };
  Tensor position_bias(int64_t tokens) const;
  static Tensor apply(const Layer& layer, const Tensor& x, const Tensor& bias);

  T5Config config_;
  nn::Embedding embedding_;
  nn::Embedding relative_attention_bias_;
  std::vector<Layer> layers_;
  nn::RmsNorm final_norm_;
};

}  // namespace gamut::models
