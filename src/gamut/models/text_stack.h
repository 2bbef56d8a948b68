// SPDX-License-Identifier: Apache-2.0
// The text encoders of a model with their tokenizers: prompts in, one Conditioning out.
#pragma once

#include "gamut/models/conditioning.h"
#include "gamut/nn/params.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace gamut::models {

// A component's weights under its folder's name.
struct NamedStore {
  std::string component;  // text_encoder | text_encoder_2 | …
  nn::ParamStore* store;
};

// Token ids [B, L] int64, one per encoder, on the model's device.
using TokenBatch = std::vector<at::Tensor>;

class TextStack {
 public:
  virtual ~TextStack() = default;
  virtual TokenBatch tokenize(const std::vector<std::string>& prompts) const = 0;
  // Differentiable where the encoders' parameters require a gradient. fp32.
  virtual Conditioning encode(const TokenBatch& tokens) const = 0;
  virtual std::vector<NamedStore> stores() = 0;
  // Tokens that T5 reads of a prompt. ConfigError where there is no T5, or for a number that it does not
  // take; `name`: the key or flag.
  virtual void set_max_tokens(int64_t tokens, const std::string& name);
};

// Warns of prompts that are too long, once of each and each context.
class CutPrompts {
 public:
  // Where several encoders read a prompt, each as far as it can, a warning says what reads how far.
  explicit CutPrompts(bool several_encoders = false) : several_(several_encoders) {}
  // `tokens`: those of the context; `reader`: "CLIP". `fits`: whether a beginning of the prompt is not cut.
  void warn(const std::string& prompt, int64_t tokens, const std::string& reader,
            const std::function<bool(const std::string& beginning)>& fits) const;

 private:
  bool several_;
  mutable std::mutex mutex_;
  mutable std::set<std::string> warned_;
};

}  // namespace gamut::models
