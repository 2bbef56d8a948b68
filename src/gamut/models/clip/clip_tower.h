// SPDX-License-Identifier: Apache-2.0
// CLIP's text encoder of a model folder with its tokenizer.
#pragma once

#include "gamut/models/clip/clip_text.h"
#include "gamut/models/model_folder.h"
#include "gamut/models/part_source.h"
#include "gamut/models/text_stack.h"
#include "gamut/text/clip_tokenizer.h"

#include <string>
#include <variant>
#include <vector>

namespace gamut::models {

class ClipTower {
 public:
  // Components `tokenizer` and `encoder` of the folder ("text_encoder"), whose class says whether it
  // projects. A model made from a seed adopts the tokenizer's vocabulary, whatever its config said. DataError
  // for weights that do not match, or a vocabulary larger than the encoder's.
  ClipTower(ModelFolder& folder, const PartSource& source, const std::string& tokenizer,
            const std::string& encoder);
  ClipTower(const ClipTower&) = delete;
  ClipTower& operator=(const ClipTower&) = delete;

  // [B, context()] int64 on the model's device; `cut` warns of prompts that are cut.
  at::Tensor tokenize(const std::vector<std::string>& prompts, const CutPrompts& cut) const;
  // Of CLIPTextModelWithProjection `pooled` is projected.
  ClipTextOutput operator()(const at::Tensor& ids_BL) const;
  int64_t context() const;
  const ClipTextConfig& config() const { return config_; }
  NamedStore store() { return {component_, &store_}; }

 private:
  void adopt_vocabulary(ModelFolder& folder) const;
  void check_vocabulary(const ModelFolder& folder, const std::string& tokenizer) const;

  std::string component_;
  at::Device device_;
  text::ClipTokenizer tokenizer_;
  nn::ParamStore store_;
  ClipTextConfig config_;
  std::variant<std::monostate, ClipTextModel, ClipTextWithProjection> encoder_;
};

}  // namespace gamut::models
