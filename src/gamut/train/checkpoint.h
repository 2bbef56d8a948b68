// SPDX-License-Identifier: Apache-2.0
// Checkpoints: RUN/checkpoints/step_000100/ with weights.safetensors, ema.safetensors, optimizer.safetensors,
// reference.safetensors (a moving reference policy only), state.json and, written last, DONE. A folder without DONE is never read.
#pragma once

#include "gamut/train/ema.h"
#include "gamut/train/optimizer.h"

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

namespace gamut::train {

// [checkpoint] of a recipe.
struct CheckpointConfig {
  int64_t every = 50;
  int64_t keep = 2;
  void fields(FieldVisitor& v);
};

// What is saved and restored.
struct CheckpointParts {
  const std::vector<nn::NamedTensor>& weights;
  AdamW& optimizer;
  Ema& ema;
  std::vector<nn::NamedTensor> reference = {};  // a moving reference policy; empty = none
};

// Written under a temporary name, flushed, renamed, then marked DONE; older ones beyond `keep` are removed after
// that. On EnvironmentError (full disk) the temporary folder is removed and every earlier checkpoint is intact.
void save_checkpoint(const std::filesystem::path& run, int64_t step, const CheckpointParts& parts,
                     const nlohmann::json& state, int64_t keep);
// The newest complete checkpoint.
std::optional<std::filesystem::path> latest_checkpoint(const std::filesystem::path& run);
// Restores the parts and returns state.json.
nlohmann::json load_checkpoint(const std::filesystem::path& checkpoint, const CheckpointParts& parts);

}  // namespace gamut::train
