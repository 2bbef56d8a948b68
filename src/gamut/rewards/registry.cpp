// SPDX-License-Identifier: Apache-2.0
// The table of rewards.
#include "gamut/core/error.h"
#include "gamut/rewards/clip_score.h"
#include "gamut/rewards/ocr.h"
#include "gamut/rewards/reader_reward.h"
#include "gamut/rewards/reward.h"

#include <array>

namespace gamut::rewards {
namespace {

struct Entry {
  const char* name;
  std::unique_ptr<Reward> (*make)(const RewardConfig& config);
};

std::unique_ptr<Reward> make_ocr(const RewardConfig& config) {
  OcrOptions options;
  options.form = config.form == "confidence" ? OcrForm::kConfidence : OcrForm::kDistance;
  options.tessdata = config.tessdata;
  return make_ocr_reward(options);
}

std::unique_ptr<Reward> make_reader(const RewardConfig& config) { return make_reader_reward(config.model); }

std::unique_ptr<Reward> make_clip(const RewardConfig& config) { return make_clip_score(config.clip_model); }

constexpr std::array kRewards = {Entry{"ocr", make_ocr}, Entry{"reader", make_reader},
                                 Entry{"clip_score", make_clip}};

std::vector<std::string> names() {
  std::vector<std::string> names;
  for (const Entry& entry : kRewards) names.emplace_back(entry.name);
  return names;
}

}  // namespace

void RewardConfig::fields(FieldVisitor& v) {
  v.field("kind", kind, one_of(names()),
          "who judges: Tesseract (ocr), the small classifier (reader) or a CLIP (clip_score)");
  v.field("form", form, one_of({"distance", "confidence"}),
          "ocr: 1 - edit distance / length, or the engine's confidence in the asked text");
  v.field("model", model, any_value(), "reader: its folder");
  v.field("clip_model", clip_model, any_value(), "clip_score: its folder");
  v.field("tessdata", tessdata, any_value(),
          "ocr: folder of eng.traineddata; empty = where Debian and Ubuntu install it");
}

std::unique_ptr<Reward> make_reward(const RewardConfig& config) {
  std::string known;
  for (const Entry& entry : kRewards) {
    if (config.kind == entry.name) return entry.make(config);
    known += cat(known.empty() ? "" : ", ", entry.name);
  }
  const std::string near = nearest_name(config.kind, names());
  throw ConfigError("rewards", cat("unknown reward '", config.kind, "'; expected one of ", known,
                                   near.empty() ? "" : cat("; did you mean '", near, "'?")));
}

}  // namespace gamut::rewards
