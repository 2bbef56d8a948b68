// SPDX-License-Identifier: Apache-2.0
// DreamSim (arXiv 2306.09344, package dreamsim 0.2.1) from the folder that scripts/convert_dreamsim.py
// writes: one vision transformer, or an ensemble whose embeddings stand side by side. 1 - the cosine of two
// embeddings is its distance.
//
//   const DreamSim model = DreamSim::open("dreamsim", {});
//   Tensor looks = model.embed(model.preprocess(pictures));  // [B, width()]
#pragma once

#include "gamut/models/dreamsim/dreamsim_config.h"
#include "gamut/nn/params.h"

#include <filesystem>
#include <memory>

namespace gamut::models {

class DreamSim {
 public:
  // EnvironmentError: missing folder or file; DataError: malformed config, weights that do not match.
  static DreamSim open(const std::filesystem::path& folder, const nn::ParamOptions& options);

  // Pixels [B, 3, image_size, image_size] in [0, 1] -> [B, width()] fp32, less their own mean, of length 1.
  at::Tensor embed(const at::Tensor& pixels) const;
  // Pictures [B, 3, H, W] in [0, 1] to those: 8-bit, resized to a square (bicubic with antialias).
  at::Tensor preprocess(const at::Tensor& pictures) const;
  int64_t width() const;
  const nn::ParamOptions& options() const;

 private:
  struct Parts;
  std::shared_ptr<Parts> parts_;
};

}  // namespace gamut::models
