// SPDX-License-Identifier: Apache-2.0
// Scoring pictures against prompts. A failed score is a status, never a silent zero.
#pragma once

#include "gamut/core/config.h"
#include "gamut/text/prompt_set.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
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
  int64_t num_failed() const;
};

class Reward {
 public:
  virtual ~Reward() = default;
  virtual std::string name() const = 0;
  // pictures [B, 3, H, W] in [0, 1], fp32; prompts: one per picture. Deterministic; independent of the batch.
  virtual Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) = 0;
};

// Scores, with a value that is not finite turned into a failure.
Scores score_checked(Reward& reward, const at::Tensor& pictures, std::span<const text::Prompt> prompts);

// [reward] and [judge] of a recipe.
struct RewardConfig {
  std::string kind = "reader";                 // ocr | reader | clip_score
  std::string form = "distance";               // ocr: distance (1 - edit distance / length) | confidence
  std::string model = "models/glyphs-reader";  // reader: its folder
  std::string clip_model = "models/glyphs-clip";  // clip_score: its folder
  std::string tessdata = "";                   // ocr: "" = where Debian and Ubuntu install it
  void fields(FieldVisitor& v);
};

// The registry: ConfigError for an unknown kind, EnvironmentError when a model or data file is missing.
std::unique_ptr<Reward> make_reward(const RewardConfig& config);

}  // namespace gamut::rewards
