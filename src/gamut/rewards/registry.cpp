// SPDX-License-Identifier: Apache-2.0
// The table of rewards, and the keys of [reward] and [judge].
#include "gamut/core/error.h"
#include "gamut/rewards/aesthetic.h"
#include "gamut/rewards/brisque.h"
#include "gamut/rewards/clip_score.h"
#include "gamut/rewards/mix.h"
#include "gamut/rewards/ocr.h"
#include "gamut/rewards/picture_rewards.h"
#include "gamut/rewards/remote.h"
#include "gamut/rewards/reward.h"

#include <algorithm>
#include <utility>

namespace gamut::rewards {
namespace {

using MadeReward = std::unique_ptr<Reward>;

MadeReward make_ocr(const RewardConfig& config, const std::string&) {
  OcrOptions options;
  options.form = config.form == "confidence" ? OcrForm::kConfidence : OcrForm::kDistance;
  options.tessdata = config.tessdata;
  return make_ocr_reward(options);
}

MadeReward make_clip(const RewardConfig& config, const std::string& device) {
  const std::string& model = required(config.clip_model, "clip_score", "clip_model", "folder of a CLIP");
  return make_clip_score(model, open_compute(config.compute, device));
}
MadeReward make_pick(const RewardConfig& config, const std::string& device) {
  const std::string& model =
      required(config.pickscore_model, "pickscore", "pickscore_model", "folder of PickScore_v1");
  return make_pickscore(model, open_compute(config.compute, device));
}
MadeReward make_preference(const RewardConfig& config, const std::string& device) {
  const std::string& model =
      required(config.hps_model, "hps", "hps_model", "folder of a CLIP ViT-H/14 with HPSv2.1's weights");
  return make_hps(model, open_compute(config.compute, device));
}
MadeReward make_beauty(const RewardConfig& config, const std::string& device) {
  const std::string &clip = required(config.aesthetic_model, "aesthetic", "aesthetic_model",
                                     "folder of CLIP ViT-L/14"),
                    &head = required(config.aesthetic_head, "aesthetic", "aesthetic_head",
                                     "the head's safetensors file");
  return make_aesthetic(clip, head, open_compute(config.compute, device));
}
MadeReward make_compressible(const RewardConfig&, const std::string&) {
  return make_jpeg_reward(JpegGoal::kCompressible);
}
MadeReward make_incompressible(const RewardConfig&, const std::string&) {
  return make_jpeg_reward(JpegGoal::kIncompressible);
}
MadeReward make_colorful(const RewardConfig&, const std::string&) { return make_colorfulness_reward(); }
MadeReward make_quality(const RewardConfig& config, const std::string&) {
  return make_brisque(required(config.brisque_model, "brisque", "brisque_model",
                               "the file that scripts/convert_brisque.py makes of OpenCV's"));
}
MadeReward make_served(const RewardConfig& config, const std::string&) {
  required(config.remote.url, "remote", "remote.url", "\"http://host:port\" of a reward server");
  return make_remote(config.remote);
}

std::vector<RewardKind>& kinds_of_reward() {
  static std::vector<RewardKind> kinds{{"ocr", make_ocr},
                                       {"clip_score", make_clip},
                                       {"pickscore", make_pick},
                                       {"hps", make_preference},
                                       {"aesthetic", make_beauty},
                                       {"jpeg_compressibility", make_compressible},
                                       {"jpeg_incompressibility", make_incompressible},
                                       {"colorfulness", make_colorful},
                                       {"brisque", make_quality},
                                       {"remote", make_served}};
  return kinds;
}

constexpr const char* kMix = "mix";
constexpr const char* kOwn = "own";

std::vector<std::string> names_and_mix() {
  std::vector<std::string> all = reward_kinds();
  all.emplace_back(kMix);
  all.emplace_back(kOwn);
  return all;
}

MadeReward make_weighted_sum(const RewardConfig& config, const std::string& device) {
  std::vector<MixPart> parts;
  for (const RewardKind& entry : kinds_of_reward()) {
    const auto weight = config.mix.weights.find(entry.name);
    if (weight != config.mix.weights.end() && weight->second != 0)
      parts.push_back({weight->second, entry.make(config, device)});
  }
  if (parts.empty())
    throw ConfigError("reward",
                      "kind = \"mix\" needs at least one weight in [reward.mix]; got none; for example "
                      "mix = { pickscore = 1.0, clip_score = 0.5 }");
  return make_mix(std::move(parts));
}

}  // namespace

std::vector<std::string> reward_kinds() {
  std::vector<std::string> names;
  for (const RewardKind& kind : kinds_of_reward()) names.push_back(kind.name);
  return names;
}

void add_reward_kind(RewardKind kind) {
  for (const std::string& name : names_and_mix())
    GAMUT_CHECK(name != kind.name, "reward added twice: ", name);
  kinds_of_reward().push_back(std::move(kind));
}

const std::string& required(const std::string& value, const char* reward, const char* key, const char* what) {
  if (value.empty())
    throw ConfigError("reward", cat("reward '", reward, "' needs ", key, " = ", what,
                                    "; got none; docs/rewards.md says where it comes from"));
  return value;
}

void MixConfig::fields(FieldVisitor& v) {
  for (const std::string& kind : reward_kinds())
    v.field(kind, weights[kind], between(-1e6, 1e6), cat("weight of ", kind, "; 0 = not in the sum"));
}

void RemoteConfig::fields(FieldVisitor& v) {
  v.field(
      "url", url, any_value(),
      "http:// or https:// address of a reward server (docs/rewards.md); several, separated by spaces, share "
      "the work of several processes and stand in for each other");
  v.field("fields_named", fields_named, one_of({"singular", "plural"}),
          "keys of a request: prompt, image, kwargs; or prompts, images, extra");
  v.field("batch", batch, between(1, 4096), "pictures per request");
  v.field("timeout_s", timeout_s, between(0.01, 86400), "seconds that one request may take, reply included");
  v.field("retries", retries, between(0, 100),
          "further tries, of each server, when it is away, too slow or busy");
  v.field("backoff_s", backoff_s, between(0, 3600), "seconds before the first retry; doubles with each");
  v.field("max_reply_kb", max_reply_kb, between(1, 1e6), "a larger reply is refused");
}

void RewardConfig::fields(FieldVisitor& v) {
  v.field("kind", kind, one_of(names_and_mix()),
          "who judges; mix: the weighted sum below; own: what a program gave beside the recipe");
  v.field("own", own, any_value(), "own: its name");
  v.field("form", form, one_of({"distance", "confidence"}),
          "ocr: 1 - edit distance / length, or the engine's confidence in the asked text");
  v.field("tessdata", tessdata, any_value(),
          "ocr: folder of eng.traineddata; empty = where Debian and Ubuntu install it");
  v.field("model", model, input_path(), "reader: its folder");
  v.field("clip_model", clip_model, input_path(),
          "clip_score: folder of a CLIP, or ORG/NAME of the Hub in the local cache");
  v.field("pickscore_model", pickscore_model, input_path(),
          "pickscore: folder of PickScore_v1, or its name on the Hub");
  v.field("hps_model", hps_model, input_path(),
          "hps: folder of CLIP ViT-H/14 with HPSv2.1's weights, or its name on the Hub");
  v.field("aesthetic_model", aesthetic_model, input_path(),
          "aesthetic: folder of CLIP ViT-L/14, or its name on the Hub");
  v.field("aesthetic_head", aesthetic_head, input_path(),
          "aesthetic: safetensors file of the regression head");
  v.field("brisque_model", brisque_model, input_path(),
          "brisque: safetensors file that scripts/convert_brisque.py makes of OpenCV's two");
  v.table("mix", mix, "kind = mix: the sum of raw scores times these weights");
  v.table("remote", remote, "kind = remote: the server");
  compute.fields(v);
}

std::unique_ptr<Reward> make_reward(const RewardConfig& config, const std::string& policy_device) {
  if (config.kind == kMix) return make_weighted_sum(config, policy_device);
  if (config.kind == kOwn)
    throw ConfigError("rewards", cat("kind = \"own\" is '", printable(config.own),
                                     "', which the program that trained with it gave "
                                     "beside the recipe; give it again there, or choose another kind"));
  std::string known;
  for (const RewardKind& entry : kinds_of_reward()) {
    if (config.kind == entry.name) return entry.make(config, policy_device);
    known += cat(entry.name, ", ");
  }
  if (config.kind.empty())
    throw ConfigError(
        "rewards",
        cat("a recipe has to say what it rewards; got no reward.kind; expected one of ", known, kMix));
  const std::string near = nearest_name(config.kind, names_and_mix());
  throw ConfigError("rewards", cat("unknown reward '", config.kind, "'; expected one of ", known, kMix,
                                   near.empty() ? "" : cat("; did you mean '", near, "'?")));
}

}  // namespace gamut::rewards
