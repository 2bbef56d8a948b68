// SPDX-License-Identifier: Apache-2.0
// Checkpoints: RUN/checkpoints/step_000100/ with weights.safetensors, ema.safetensors, optimizer.safetensors,
// reference.safetensors and old.safetensors (policies that move on their own, where there are any),
// buffer.safetensors (objective.buffer), state.json and, written last, DONE. A folder without DONE is never
// read. state.json holds the CRC-32C of each file beside it, DONE that of state.json.
#pragma once

#include "gamut/train/ema.h"
#include "gamut/train/optimizer.h"

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
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
  std::map<std::string, std::vector<nn::NamedTensor>> policies = {};  // by file name without its ending
};

// What is in the files, all processes put together where state is divided (shards.h): they call this alike.
// `writes`: this process writes it.
// Written under a temporary name, flushed, renamed, then marked DONE; older ones beyond `keep` are removed
// after that. On EnvironmentError (full disk) the temporary folder is removed and every earlier checkpoint is
// intact.
void save_checkpoint(const std::filesystem::path& run, int64_t step, const CheckpointParts& parts,
                     const nlohmann::json& state, int64_t keep, bool writes = true);
// The newest complete checkpoint.
std::optional<std::filesystem::path> latest_checkpoint(const std::filesystem::path& run);
// Restores the parts, lets `restore` take the rest from state.json, and returns that. DataError, which says
// how to go on from an earlier checkpoint, for whatever is not as it was written: cut or changed files by
// their checksums (older checkpoints have none), numbers that are not finite or out of range, missing or
// mistyped values.
using RestoreState = std::function<void(const nlohmann::json& state)>;
nlohmann::json load_checkpoint(const std::filesystem::path& checkpoint, const CheckpointParts& parts,
                               const RestoreState& restore = {});
// A value of state.json that counts something. DataError below 0 or beyond what is ever counted.
int64_t stored_count(const nlohmann::json& state, const char* key);

}  // namespace gamut::train
