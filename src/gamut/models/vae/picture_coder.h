// SPDX-License-Identifier: Apache-2.0
// A pipeline's way from pictures to latents and back, whichever class its vae/ folder names.
#pragma once

#include "gamut/models/model_folder.h"
#include "gamut/models/part_source.h"
#include "gamut/models/vae/autoencoder_kl.h"
#include "gamut/models/vae/space_to_depth.h"

#include <string>
#include <variant>

namespace gamut::models {

// What the folder's vae/config.json says of latents, whether or not its weights are read.
struct CoderShape {
  int64_t factor = 1;    // pixels per latent pixel; 1 without a known class
  int64_t channels = 0;  // 0: any
};
CoderShape coder_shape(const ModelFolder& folder);

class PictureCoder {
 public:
  // Reads vae/config.json and its weights. A folder without a vae, or with one of another class, opens too;
  // it cannot code pictures.
  PictureCoder(const ModelFolder& folder, const PartSource& source);

  // [B, 3, H, W] in [0, 1] fp32, from latents of any real type. EnvironmentError without a known class.
  at::Tensor decode(const at::Tensor& latents, const AutoencoderOptions& options) const;
  at::Tensor encode(const at::Tensor& pictures, const AutoencoderOptions& options) const;

  const nn::ParamStore& params() const { return store_; }
  bool has_weights() const { return !store_.params().empty(); }

 private:
  [[noreturn]] void refuse() const;
  std::string class_name_;
  at::ScalarType dtype_;
  nn::ParamStore store_;
  std::variant<std::monostate, SpaceToDepth, AutoencoderKL> coder_;
};

}  // namespace gamut::models
