// SPDX-License-Identifier: Apache-2.0
// A pipeline's way from pictures to latents and back, whichever class its vae/ folder names.
#pragma once

#include "gamut/models/model_folder.h"
#include "gamut/models/vae/autoencoder_kl.h"
#include "gamut/models/vae/space_to_depth.h"

#include <optional>
#include <string>
#include <variant>

namespace gamut::models {

struct CoderSource {
  nn::ParamOptions params;
  std::optional<uint64_t> seed;  // draw the weights instead of reading them
  std::string variant;           // of the weight files
};

class PictureCoder {
 public:
  // Reads vae/config.json and its weights. A folder without a vae, or with one of another class, opens too; it
  // cannot code pictures.
  PictureCoder(const ModelFolder& folder, const CoderSource& source);

  // [B, 3, H, W] in [0, 1] fp32, from latents of any real type. EnvironmentError without a known class.
  at::Tensor decode(const at::Tensor& latents, const AutoencoderOptions& options) const;
  at::Tensor encode(const at::Tensor& pictures, const AutoencoderOptions& options) const;

  int64_t factor() const;           // pixels per latent pixel; 1 without a known class
  int64_t latent_channels() const;  // 0: any
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
