// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/features.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/diversity/features.h"
#include "gamut/models/dreamsim/dreamsim.h"
#include "gamut/models/hub.h"
#include "gamut/models/vit/vit.h"
#include "gamut/rewards/clip_pictures.h"
#include "gamut/rewards/picture_batches.h"

#include <ATen/ATen.h>

#include <array>
#include <utility>

namespace gamut::rewards {
namespace {

using MadeExtractor = std::unique_ptr<FeatureExtractor>;

class PixelFeatures : public FeatureExtractor {
 public:
  std::string name() const override { return "pixels"; }
  at::Tensor extract(const at::Tensor& pictures) override {
    return diversity::pixel_features(pictures.detach().to(at::kFloat)).to(at::kCPU);
  }
};

class ClipFeatures : public FeatureExtractor {
 public:
  explicit ClipFeatures(ClipPictures clip) : clip_(std::move(clip)) {}
  std::string name() const override { return "clip"; }
  at::Tensor extract(const at::Tensor& pictures) override { return clip_.embed(pictures); }

 private:
  ClipPictures clip_;
};

// Features are L2-normalized, so that their cosine is what the papers' cosine diversity takes.
class VitFeatures : public FeatureExtractor {
 public:
  VitFeatures(std::string name, const std::string& model, const Compute& compute)
      : name_(std::move(name)),
        vit_(models::Vit::open(models::find_network(model), compute.where)),
        batch_(compute.batch) {
    if (vit_.config().dinov2 != (name_ == "dinov2"))
      throw DataError("features", cat("features = \"", name_, "\" needs a ",
                                      name_ == "dinov2" ? "Dinov2Model" : "ViTModel",
                                      "; got the other of the two in '", model, "'"));
  }
  std::string name() const override { return name_; }

  at::Tensor extract(const at::Tensor& pictures) override {
    return in_batches(pictures, batch_, vit_.config().hidden_size, [&](const at::Tensor& part) {
      const at::Tensor states = vit_.class_states(vit_.preprocess(part)).to(at::kFloat);
      return states / states.norm(2, -1, true);
    });
  }

 private:
  std::string name_;
  models::Vit vit_;
  int64_t batch_;
};

// Already of unit length, so that their cosine distance is DreamSim's.
class DreamSimFeatures : public FeatureExtractor {
 public:
  DreamSimFeatures(const std::string& model, const Compute& compute)
      : model_(models::DreamSim::open(models::find_network(model), compute.where)), batch_(compute.batch) {}
  std::string name() const override { return "dreamsim"; }

  at::Tensor extract(const at::Tensor& pictures) override {
    return in_batches(pictures, batch_, model_.width(),
                      [&](const at::Tensor& part) { return model_.embed(model_.preprocess(part)); });
  }

 private:
  models::DreamSim model_;
  int64_t batch_;
};

const std::string& required_model(const FeaturesConfig& config) {
  if (config.model.empty())
    throw ConfigError("features", cat("features = \"", config.kind,
                                      "\" needs features_model, the folder of its network; "
                                      "got none; or choose features = \"pixels\", which needs none"));
  return config.model;
}

MadeExtractor make_pixel_features(const FeaturesConfig&, const std::string&) {
  return std::make_unique<PixelFeatures>();
}
MadeExtractor make_clip_features(const FeaturesConfig& config, const std::string& policy_device) {
  return std::make_unique<ClipFeatures>(
      ClipPictures(required_model(config), open_compute(config.compute, policy_device)));
}

template <bool kDinov2>
MadeExtractor make_vit_features(const FeaturesConfig& config, const std::string& policy_device) {
  return std::make_unique<VitFeatures>(kDinov2 ? "dinov2" : "dino", required_model(config),
                                       open_compute(config.compute, policy_device));
}

MadeExtractor make_dreamsim_features(const FeaturesConfig& config, const std::string& policy_device) {
  return std::make_unique<DreamSimFeatures>(required_model(config),
                                            open_compute(config.compute, policy_device));
}

struct ExtractorEntry {
  const char* name;
  MadeExtractor (*make)(const FeaturesConfig& config, const std::string& policy_device);
};

constexpr std::array kExtractors = {
    ExtractorEntry{"pixels", make_pixel_features}, ExtractorEntry{"clip", make_clip_features},
    ExtractorEntry{"dino", make_vit_features<false>}, ExtractorEntry{"dinov2", make_vit_features<true>},
    ExtractorEntry{"dreamsim", make_dreamsim_features}};

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

void FeaturesConfig::fields(FieldVisitor& v, const std::string& what) {
  v.field("features", kind, one_of(feature_kinds()), what);
  v.field("features_model", model, input_path(),
          "folder of the features' network, or ORG/NAME of the Hub in the local cache; pixels need none");
  compute.fields(v, "features_");
}

std::unique_ptr<FeatureExtractor> make_features(const FeaturesConfig& config,
                                                const std::string& policy_device) {
  std::string known;
  for (const ExtractorEntry& entry : kExtractors) {
    if (config.kind == entry.name) return entry.make(config, policy_device);
    known += cat(known.empty() ? "" : ", ", entry.name);
  }
  const std::string near = nearest_name(config.kind, feature_kinds());
  throw ConfigError("features", cat("unknown features '", config.kind, "'; expected one of ", known,
                                    near.empty() ? "" : cat("; did you mean '", near, "'?")));
}

}  // namespace gamut::rewards
