// SPDX-License-Identifier: Apache-2.0
// Scoring pictures against prompts. A failed score is a status, never a silent zero.
#pragma once

#include "gamut/core/config.h"
#include "gamut/rewards/compute.h"
#include "gamut/rewards/remote_config.h"
#include "gamut/text/prompt_set.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace gamut::rewards {

// One entry per picture.
struct Scores {
  std::vector<double> value;         // the reward; NaN where failed
  std::vector<uint8_t> exact;        // 1: what was read is exactly the prompt's target
  std::vector<std::string> failure;  // "" = scored; else why not
  // kind = mix: the part's name to its own values, before their weight; NaN where it failed.
  std::map<std::string, std::vector<double>> parts = {};
  int64_t num_failed() const;
  const std::string& first_failure() const;  // its reason; "" = all were scored
};

class Reward {
 public:
  virtual ~Reward() = default;
  virtual std::string name() const = 0;
  // pictures [B, 3, H, W] in [0, 1], fp32, on any device; prompts: one per picture. Deterministic;
  // independent of the batch.
  virtual Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) = 0;
  // Why no picture of this prompt can ever be scored: "prompt without a target"; "" = nothing is missing.
  virtual std::string lacks(const text::Prompt&) const { return ""; }
  // Whether Scores::exact says that a text was read; where it does not, no share of exact pictures is shown.
  virtual bool reads_text() const { return false; }
  // Whether scoring mostly waits for another machine or program, so that pictures may be drawn meanwhile;
  // score() is then called from another thread, one call at a time.
  virtual bool waits_elsewhere() const { return false; }
};

// DataError when a prompt of the file lacks what the reward needs, before anything is drawn. `key`: who it is
// in the recipe, "reward", "judge" or "gate" (regularizer.gate_rewards).
void check_prompts(const Reward& reward, const std::string& key, std::span<const text::Prompt> prompts,
                   const std::string& file);

// Scores, with a value that is not finite turned into a failure.
Scores score_checked(Reward& reward, const at::Tensor& pictures, std::span<const text::Prompt> prompts);

// [reward.mix]: the weight of each kind in a weighted sum of raw scores; 0 = not in it.
struct MixConfig {
  std::map<std::string, double> weights;
  void fields(FieldVisitor& v);
};

// [reward] and [judge] of a recipe.
struct RewardConfig {
  std::string kind = "";  // a name of reward_kinds(), or mix; "" = the recipe has to say
  MixConfig mix = {};
  std::string own = "";           // own: the name of what a program gave beside the recipe
  std::string form = "distance";  // ocr: distance (1 - edit distance / length) | confidence
  std::string tessdata = "";      // ocr: "" = where Debian and Ubuntu install it
  std::string model = "";         // folder of the network of a task's own reward
  // CLIP models: folders, or ORG/NAME of the Hub in the local cache
  std::string clip_model = "", pickscore_model = "", hps_model = "", aesthetic_model = "";
  std::string aesthetic_head = "";  // safetensors of the regression head
  std::string brisque_model = "";   // safetensors of the regression and its ranges
  RemoteConfig remote = {};
  ComputeConfig compute = {};  // of the reward's network, where it has one
  void fields(FieldVisitor& v);
};

// A kind of reward. `make` may ask open_compute for the place of its network.
struct RewardKind {
  std::string name;
  std::function<std::unique_ptr<Reward>(const RewardConfig& config, const std::string& policy_device)> make;
};
// A task's own reward, added once before a recipe is read.
void add_reward_kind(RewardKind kind);
// Every kind but mix: this room's, then the tasks'.
std::vector<std::string> reward_kinds();

// The value of a key that no default can name. ConfigError when it is empty: "reward 'hps' needs hps_model =
// …".
const std::string& required(const std::string& value, const char* reward, const char* key, const char* what);

// ConfigError for an unknown kind, none, or a mix without parts, EnvironmentError when a model or data file
// is missing or a reward server does not answer. policy_device: "cpu" or "cuda", where a network computes
// unless the config says.
std::unique_ptr<Reward> make_reward(const RewardConfig& config, const std::string& policy_device = "cpu");

}  // namespace gamut::rewards
