// SPDX-License-Identifier: Apache-2.0
// transformers' CLIPModel from a folder as save_pretrained writes it (config.json, model.safetensors,
// preprocessor_config.json, vocab.json + merges.txt or tokenizer/): both towers, both projections, the logit
// scale. General enough for ViT-B/32, L/14 and H/14.
//
//   Clip clip = Clip::open("clip-vit-base-patch32", {});
//   Tensor image = clip.image_embeddings(clip.preprocess(pictures));
//   Tensor text = clip.text_embeddings(clip.tokenize({"a cat"}));
//   Tensor cosine = image.matmul(text.t());
#pragma once

#include "gamut/models/clip/clip_config.h"
#include "gamut/models/clip/clip_image_processor.h"
#include "gamut/nn/params.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gamut::models {

class Clip {
 public:
  // EnvironmentError: missing folder or file; DataError: malformed config, weights that do not match.
  static Clip open(const std::filesystem::path& folder, const nn::ParamOptions& options);
  // A new folder's configs and tokenizer with fresh weights drawn from `seed`; it takes the tokenizer's
  // vocabulary.
  static Clip create(const std::filesystem::path& config_folder, uint64_t seed,
                     const nn::ParamOptions& options);
  // The configs, the tokenizer and model.safetensors (fp32), as transformers' CLIPModel reads them.
  void save(const std::filesystem::path& folder) const;

  // Projected, of unit length; differentiable when the parameters require a gradient.
  Tensor image_embeddings(const Tensor& pixels_BCHW) const;  // preprocessed pixels
  Tensor text_embeddings(const Tensor& ids_BL) const;
  Tensor preprocess(const Tensor& pictures) const;  // [B, 3, H, W] in [0, 1], as CLIPImageProcessor
  Tensor tokenize(const std::vector<std::string>& texts) const;
  Tensor logit_scale() const;  // exp() not applied, as stored
  const ClipConfig& config() const;
  nn::ParamStore& params();
  const nn::ParamOptions& options() const;

 private:
  struct Parts;
  std::shared_ptr<Parts> parts_;
};

}  // namespace gamut::models
