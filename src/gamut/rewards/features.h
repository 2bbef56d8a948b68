// SPDX-License-Identifier: Apache-2.0
// What a picture looks like, as a vector: the ground on which diversity is measured. A further extractor (DINOv2,
// DreamSim) is one more row of the table in features.cpp.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gamut::rewards {

class FeatureExtractor {
 public:
  virtual ~FeatureExtractor() = default;
  virtual std::string name() const = 0;
  // pictures [B, 3, H, W] in [0, 1] fp32 -> [B, d] fp32 on the CPU, without gradient; independent of the batch.
  virtual at::Tensor extract(const at::Tensor& pictures) = 0;
};

const std::vector<std::string>& feature_kinds();  // {"pixels", "clip"}
// kind pixels: diversity/features.h, no model; clip: image embedding of the CLIP folder `model`, unit length.
// ConfigError: unknown kind; EnvironmentError or DataError as models::Clip::open.
std::unique_ptr<FeatureExtractor> make_features(const std::string& kind, const std::filesystem::path& model);

}  // namespace gamut::rewards
