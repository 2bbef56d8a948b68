// SPDX-License-Identifier: Apache-2.0
// T5's encoder of a model folder with its tokenizer.
#pragma once

#include "gamut/models/model_folder.h"
#include "gamut/models/part_source.h"
#include "gamut/models/t5/t5_encoder.h"
#include "gamut/models/text_stack.h"
#include "gamut/text/t5_tokenizer.h"

#include <optional>
#include <string>
#include <vector>

namespace gamut::models {

class T5Tower {
 public:
  // Components `tokenizer` and `encoder` of the folder. `max_tokens`: of a prompt, padded to it. DataError
  // for weights that do not match, or a vocabulary larger than the encoder's.
  T5Tower(const ModelFolder& folder, const PartSource& source, const std::string& tokenizer,
          const std::string& encoder, int64_t max_tokens);
  T5Tower(const T5Tower&) = delete;
  T5Tower& operator=(const T5Tower&) = delete;

  // [B, max_tokens] int64 on the model's device; `cut` warns of prompts that are cut.
  at::Tensor tokenize(const std::vector<std::string>& prompts, const CutPrompts& cut) const;
  at::Tensor operator()(const at::Tensor& ids_BL) const { return (*encoder_)(ids_BL); }  // [B, L, width]
  int64_t width() const { return encoder_->config().width; }
  void set_max_tokens(int64_t tokens) { max_tokens_ = tokens; }
  NamedStore store() { return {component_, &store_}; }

 private:
  std::string component_;
  at::Device device_;
  int64_t max_tokens_;
  text::T5Tokenizer tokenizer_;
  nn::ParamStore store_;
  std::optional<T5Encoder> encoder_;
};

// ConfigError unless T5 of these families reads so many tokens.
void check_t5_tokens(int64_t tokens, const std::string& name);

}  // namespace gamut::models
