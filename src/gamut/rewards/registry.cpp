// SPDX-License-Identifier: Apache-2.0
// The table of rewards, and the keys of [reward] and [judge].
#include "gamut/core/error.h"
#include "gamut/rewards/aesthetic.h"
#include "gamut/rewards/brisque.h"
#include "gamut/rewards/clip_score.h"
#include "gamut/rewards/mix.h"
#include "gamut/rewards/ocr.h"
#include "gamut/rewards/picture_rewards.h"
#include "gamut/rewards/reader_reward.h"
#include "gamut/rewards/remote.h"
#include "gamut/rewards/reward.h"

#include <algorithm>
#include <array>

namespace gamut::rewards {
namespace {

using MadeReward = std::unique_ptr<Reward>;

struct RewardEntry {
  const char* name;
  MadeReward (*make)(const RewardConfig& config);
};

// Weights that no default can name: the recipe has to.
const std::string& required(const std::string& value, const char* reward, const char* key, const char* what) {
  if (value.empty())
    throw ConfigError("reward", cat("reward '", reward, "' needs ", key, " = ", what,
                                    "; got none; docs/rewards.md says where it comes from"));
  return value;
}

MadeReward make_ocr(const RewardConfig& config) {
  OcrOptions options;
  options.form = config.form == "confidence" ? OcrForm::kConfidence : OcrForm::kDistance;
  options.tessdata = config.tessdata;
  return make_ocr_reward(options);
}

MadeReward make_reader(const RewardConfig& config) { return make_reader_reward(config.model); }
MadeReward make_clip(const RewardConfig& config) { return make_clip_score(config.clip_model); }
MadeReward make_pick(const RewardConfig& config) {
  return make_pickscore(required(config.pickscore_model, "pickscore", "pickscore_model", "folder of PickScore_v1"));
}
MadeReward make_preference(const RewardConfig& config) {
  return make_hps(required(config.hps_model, "hps", "hps_model", "folder of a CLIP ViT-H/14 with HPSv2.1's weights"));
}
MadeReward make_beauty(const RewardConfig& config) {
  const std::string& clip = required(config.aesthetic_model, "aesthetic", "aesthetic_model", "folder of CLIP ViT-L/14");
  return make_aesthetic(clip, required(config.aesthetic_head, "aesthetic", "aesthetic_head", "the head's safetensors file"));
}
MadeReward make_compressible(const RewardConfig&) { return make_jpeg_reward(JpegGoal::kCompressible); }
MadeReward make_incompressible(const RewardConfig&) { return make_jpeg_reward(JpegGoal::kIncompressible); }
MadeReward make_colorful(const RewardConfig&) { return make_colorfulness_reward(); }
MadeReward make_quality(const RewardConfig& config) {
  const std::string& model = required(config.brisque_model, "brisque", "brisque_model", "OpenCV's brisque_model_live.yml");
  return make_brisque(model, required(config.brisque_range, "brisque", "brisque_range", "OpenCV's brisque_range_live.yml"));
}
MadeReward make_served(const RewardConfig& config) {
  required(config.remote.url, "remote", "remote.url", "\"http://host:port\" of a reward server");
  return make_remote(config.remote);
}

constexpr std::array kRewards = {
    RewardEntry{"ocr", make_ocr},
    RewardEntry{"reader", make_reader},
    RewardEntry{"clip_score", make_clip},
    RewardEntry{"pickscore", make_pick},
    RewardEntry{"hps", make_preference},
    RewardEntry{"aesthetic", make_beauty},
    RewardEntry{"jpeg_compressibility", make_compressible},
    RewardEntry{"jpeg_incompressibility", make_incompressible},
    RewardEntry{"colorfulness", make_colorful},
    RewardEntry{"brisque", make_quality},
    RewardEntry{"remote", make_served},
};

constexpr const char* kMix = "mix";

std::vector<std::string> reward_names() {
  std::vector<std::string> names;
  for (const RewardEntry& entry : kRewards) names.emplace_back(entry.name);
  return names;
}

std::vector<std::string> names_and_mix() {
  std::vector<std::string> all = reward_kinds();
  all.emplace_back(kMix);
  return all;
}

MadeReward make_weighted_sum(const RewardConfig& config) {
  std::vector<MixPart> parts;
  for (const RewardEntry& entry : kRewards) {
    const auto weight = config.mix.weights.find(entry.name);
    if (weight != config.mix.weights.end() && weight->second != 0)
      parts.push_back({weight->second, entry.make(config)});
  }
  if (parts.empty())
    throw ConfigError("reward", "kind = \"mix\" needs at least one weight in [reward.mix]; got none; for example "
                                "mix = { pickscore = 1.0, clip_score = 0.5 }");
  return make_mix(std::move(parts));
}

}  // namespace

const std::vector<std::string>& reward_kinds() {
  static const std::vector<std::string> kinds = reward_names();
  return kinds;
}

void MixConfig::fields(FieldVisitor& v) {
  for (const std::string& kind : reward_kinds())
    v.field(kind, weights[kind], between(-1e6, 1e6), cat("weight of ", kind, "; 0 = not in the sum"));
}

void RemoteConfig::fields(FieldVisitor& v) {
  v.field("url", url, any_value(), "http:// or https:// address of a reward server (docs/rewards.md)");
  v.field("fields_named", fields_named, one_of({"singular", "plural"}),
          "keys of a request: prompt, image, kwargs; or prompts, images, extra");
  v.field("batch", batch, between(1, 4096), "pictures per request");
  v.field("timeout_s", timeout_s, between(0.01, 86400), "seconds that one request may take, reply included");
  v.field("retries", retries, between(0, 100), "further tries when the server is away, too slow or busy");
  v.field("backoff_s", backoff_s, between(0, 3600), "seconds before the first retry; doubles with each");
  v.field("max_reply_kb", max_reply_kb, between(1, 1e6), "a larger reply is refused");
}

void RewardConfig::fields(FieldVisitor& v) {
  v.field("kind", kind, one_of(names_and_mix()), "who judges; mix: the weighted sum below");
  v.field("form", form, one_of({"distance", "confidence"}),
          "ocr: 1 - edit distance / length, or the engine's confidence in the asked text");
  v.field("tessdata", tessdata, any_value(),
          "ocr: folder of eng.traineddata; empty = where Debian and Ubuntu install it");
  v.field("model", model, input_path(), "reader: its folder");
  v.field("clip_model", clip_model, input_path(), "clip_score: folder of a CLIP");
  v.field("pickscore_model", pickscore_model, input_path(), "pickscore: folder of PickScore_v1");
  v.field("hps_model", hps_model, input_path(), "hps: folder of CLIP ViT-H/14 with HPSv2.1's weights");
  v.field("aesthetic_model", aesthetic_model, input_path(), "aesthetic: folder of CLIP ViT-L/14");
  v.field("aesthetic_head", aesthetic_head, input_path(), "aesthetic: safetensors file of the regression head");
  v.field("brisque_model", brisque_model, input_path(), "brisque: YAML file of OpenCV's support-vector regression");
  v.field("brisque_range", brisque_range, input_path(), "brisque: YAML file of the features' ranges");
  v.table("mix", mix, "kind = mix: the sum of raw scores times these weights");
  v.table("remote", remote, "kind = remote: the server");
}

std::unique_ptr<Reward> make_reward(const RewardConfig& config) {
  if (config.kind == kMix) return make_weighted_sum(config);
  std::string known;
  for (const RewardEntry& entry : kRewards) {
    if (config.kind == entry.name) return entry.make(config);
    known += cat(entry.name, ", ");
  }
  const std::string near = nearest_name(config.kind, names_and_mix());
  throw ConfigError("rewards", cat("unknown reward '", config.kind, "'; expected one of ", known, kMix,
                                   near.empty() ? "" : cat("; did you mean '", near, "'?")));
}

}  // namespace gamut::rewards
