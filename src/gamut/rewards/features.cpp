// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/features.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/diversity/features.h"
#include "gamut/rewards/clip_pictures.h"

#include <ATen/ATen.h>

#include <array>

namespace gamut::rewards {
namespace {

using Folder = std::filesystem::path;

class PixelFeatures : public FeatureExtractor {
 public:
  std::string name() const override { return "pixels"; }
  at::Tensor extract(const at::Tensor& pictures) override {
    return diversity::pixel_features(pictures.detach().to(at::kCPU, at::kFloat));
  }
};

class ClipFeatures : public FeatureExtractor {
 public:
  explicit ClipFeatures(const Folder& folder) : clip_(models::Clip::open(folder, {})) {}
  std::string name() const override { return "clip"; }
  at::Tensor extract(const at::Tensor& pictures) override { return clip_picture_embeddings(clip_, pictures); }

 private:
  models::Clip clip_;
};

struct ExtractorEntry {
  const char* name;
  std::unique_ptr<FeatureExtractor> (*make)(const Folder& model);
};

constexpr std::array kExtractors = {ExtractorEntry{"pixels",
                                        [](const Folder&) -> std::unique_ptr<FeatureExtractor> {
                                          return std::make_unique<PixelFeatures>();
                                        }},
                                  ExtractorEntry{"clip", [](const Folder& model) -> std::unique_ptr<FeatureExtractor> {
                                          return std::make_unique<ClipFeatures>(model);
                                        }}};

std::vector<std::string> extractor_names() {
  std::vector<std::string> names;
  for (const ExtractorEntry& entry : kExtractors) names.emplace_back(entry.name);
  return names;
}

}  // namespace

const std::vector<std::string>& feature_kinds() {
  static const std::vector<std::string> kinds = extractor_names();
  return kinds;
}

std::unique_ptr<FeatureExtractor> make_features(const std::string& kind, const Folder& model) {
  std::string known;
  for (const ExtractorEntry& entry : kExtractors) {
    if (kind == entry.name) return entry.make(model);
    known += cat(known.empty() ? "" : ", ", entry.name);
  }
  const std::string near = nearest_name(kind, feature_kinds());
  throw ConfigError("features", cat("unknown features '", kind, "'; expected one of ", known,
                                    near.empty() ? "" : cat("; did you mean '", near, "'?")));
}

}  // namespace gamut::rewards
