// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/checkpoint.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/io/run_folder.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

namespace gamut::train {
namespace {

namespace fs = std::filesystem;

// Complete checkpoints, oldest first.
std::vector<fs::path> complete_checkpoints(const fs::path& run) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints", ignored))
    if (entry.path().filename().string().starts_with("step_") && fs::exists(entry.path() / "DONE"))
      found.push_back(entry.path());
  std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {
    return std::pair(a.native().size(), a) < std::pair(b.native().size(), b);
  });
  return found;
}

void flush_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

void write_parts(const fs::path& folder, const CheckpointParts& parts, const nlohmann::json& state) {
  fs::create_directories(folder);
  nn::save_safetensors(folder / "weights.safetensors", parts.weights);
  nn::save_safetensors(folder / "ema.safetensors", parts.ema.weights());
  nn::save_safetensors(folder / "optimizer.safetensors", parts.optimizer.state());
  if (!parts.reference.empty()) nn::save_safetensors(folder / "reference.safetensors", parts.reference);
  io::write_json(folder / "state.json", state);
  flush_folder(folder);
}

}  // namespace

void CheckpointConfig::fields(FieldVisitor& v) {
  v.field("every", every, at_least(1), "steps between two checkpoints");
  v.field("keep", keep, at_least(1), "newest checkpoints that stay on disk");
}

void save_checkpoint(const fs::path& run, int64_t step, const CheckpointParts& parts, const nlohmann::json& state,
                     int64_t keep) {
  const fs::path folder = run / "checkpoints", done = folder / io::step_name(step);
  const fs::path temporary = folder / cat(".", io::step_name(step), ".tmp");
  nlohmann::json complete = state;
  complete["step"] = step;
  complete["optimizer_steps"] = parts.optimizer.steps_done();
  std::error_code ignored;
  fs::remove_all(temporary, ignored);
  try {
    write_parts(temporary, parts, complete);
    fs::remove_all(done);
    fs::rename(temporary, done);
    flush_folder(folder);
    io::write_atomically(done / "DONE", "");
  } catch (const fs::filesystem_error& error) {
    fs::remove_all(temporary, ignored);
    throw EnvironmentError("checkpoint", cat("cannot write ", done.string(), ": ", error.code().message(),
                                             "; earlier checkpoints are intact"));
  } catch (...) {
    fs::remove_all(temporary, ignored);
    throw;
  }
  std::vector<fs::path> all = complete_checkpoints(run);
  for (size_t i = 0; i + size_t(keep) < all.size(); ++i) {
    // The mark goes first, so that a kill in between leaves nothing that looks complete.
    fs::remove(all[i] / "DONE", ignored);
    fs::remove_all(all[i], ignored);
  }
}

std::optional<fs::path> latest_checkpoint(const fs::path& run) {
  const std::vector<fs::path> all = complete_checkpoints(run);
  if (all.empty()) return std::nullopt;
  return all.back();
}

nlohmann::json load_checkpoint(const fs::path& checkpoint, const CheckpointParts& parts) {
  const nlohmann::json state = io::read_json(checkpoint / "state.json");
  if (!state.is_object() || !state.contains("step") || !state["step"].is_number_integer() ||
      !state.contains("optimizer_steps") || !state["optimizer_steps"].is_number_integer())
    throw DataError("checkpoint", cat((checkpoint / "state.json").string(),
                                      " must hold integers 'step' and 'optimizer_steps'; remove this checkpoint to "
                                      "resume from an earlier one"));
  copy_weights(parts.weights, nn::load_safetensors(checkpoint / "weights.safetensors"), "checkpoint");
  parts.ema.load(nn::load_safetensors(checkpoint / "ema.safetensors"));
  parts.optimizer.load_state(nn::load_safetensors(checkpoint / "optimizer.safetensors"),
                             state["optimizer_steps"].get<int64_t>());
  if (!parts.reference.empty())
    copy_weights(parts.reference, nn::load_safetensors(checkpoint / "reference.safetensors"), "reference");
  return state;
}

}  // namespace gamut::train
