// SPDX-License-Identifier: Apache-2.0
// transformers' ViTModel (DINO) and Dinov2Model from a folder as save_pretrained writes it (config.json,
// model.safetensors, preprocessor_config.json): pictures to one vector each, the class token's last state.
//
//   const Vit vit = Vit::open("facebook--dinov2-base", {});
//   Tensor looks = vit.class_states(vit.preprocess(pictures));  // [B, hidden_size]
#pragma once

#include "gamut/models/vit/vit_config.h"
#include "gamut/nn/params.h"

#include <filesystem>
#include <memory>

namespace gamut::models {

class Vit {
 public:
  // EnvironmentError: missing folder or file; DataError: malformed config, weights that do not match.
  static Vit open(const std::filesystem::path& folder, const nn::ParamOptions& options);

  // After the last norm, [B, hidden_size], in the options' type. ViTModel: pixels of image_size; Dinov2Model:
  // any multiple of patch_size, with its positions interpolated.
  at::Tensor class_states(const at::Tensor& pixels_BCHW) const;
  at::Tensor preprocess(
      const at::Tensor& pictures) const;  // [B, 3, H, W] in [0, 1], as the folder's image processor
  const VitConfig& config() const;
  const nn::ParamOptions& options() const;

 private:
  struct Parts;
  std::shared_ptr<Parts> parts_;
};

}  // namespace gamut::models
