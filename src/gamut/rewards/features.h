// SPDX-License-Identifier: Apache-2.0
// What a picture looks like, as a vector: the ground on which diversity is measured. A further extractor
// is one more row of the table in features.cpp.
#pragma once

#include "gamut/core/config.h"
#include "gamut/rewards/compute.h"

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

namespace gamut::rewards {

class FeatureExtractor {
 public:
  virtual ~FeatureExtractor() = default;
  virtual std::string name() const = 0;
  // pictures [B, 3, H, W] in [0, 1], on any device -> [B, d] fp32 on the CPU, without gradient; independent
  // of the batch.
  virtual at::Tensor extract(const at::Tensor& pictures) = 0;
};

const std::vector<std::string>& feature_kinds();  // {"pixels", "clip", "dino", "dinov2", "dreamsim"}

// The keys features, features_model, … of [shaping] and [eval].
struct FeaturesConfig {
  std::string kind = "pixels";
  std::string model = "";
  ComputeConfig compute = {};
  void fields(FieldVisitor& v, const std::string& what);  // what: is looked at by them
};

// pixels: diversity/features.h, no model; clip: image embedding of the CLIP `model`, a folder or ORG/NAME of
// the Hub, unit length; dino, dinov2: the class token of a ViTModel or Dinov2Model, likewise. ConfigError:
// unknown kind, no model; EnvironmentError or DataError as ClipPictures, models::Vit::open and open_compute;
// DataError for a folder of the other ViT.
std::unique_ptr<FeatureExtractor> make_features(const FeaturesConfig& config,
                                                const std::string& policy_device = "cpu");

}  // namespace gamut::rewards
