// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/checkpoint.h"

#include "gamut/core/error.h"
#include "gamut/io/crc32c.h"
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

constexpr const char *kState = "state.json", *kSums = "crc32c";

constexpr const char *kWeights = "weights.safetensors", *kAverage = "ema.safetensors",
                     *kOptimizer = "optimizer.safetensors";

std::vector<std::string> part_names(const CheckpointParts& parts) {
  std::vector<std::string> names{kWeights, kAverage, kOptimizer};
  for (const auto& [policy, weights] : parts.policies) names.push_back(policy + ".safetensors");
  return names;
}

using Files = std::map<std::string, std::vector<nn::NamedTensor>>;

Files files_of(const CheckpointParts& parts) {
  Files files{
      {kWeights, parts.weights}, {kAverage, parts.ema.stored()}, {kOptimizer, parts.optimizer.state()}};
  for (const auto& [policy, weights] : parts.policies) files[policy + ".safetensors"] = weights;
  return files;
}

// Makes no folder above the checkpoint's: a run folder that was moved is not begun anew.
void write_files(const fs::path& folder, const Files& files, nlohmann::json state) {
  fs::create_directory(folder.parent_path());
  fs::create_directory(folder);
  for (const auto& [name, tensors] : files) {
    nn::save_safetensors(folder / name, tensors);
    state[kSums][name] = io::file_crc32c(folder / name);
  }
  io::write_json(folder / kState, state);
  flush_folder(folder);
}

std::string done_text(const fs::path& checkpoint) {
  return cat(kState, " ", io::file_crc32c(checkpoint / kState), "\n");
}

[[noreturn]] void refuse_state(const fs::path& checkpoint, const std::string& rule) {
  throw DataError("checkpoint", cat((checkpoint / kState).string(), " ", rule));
}

void check_counts(const fs::path& checkpoint, const nlohmann::json& state) {
  if (!state.is_object() || !state.contains("step") || !state["step"].is_number_integer() ||
      !state.contains("optimizer_steps") || !state["optimizer_steps"].is_number_integer())
    refuse_state(checkpoint, "must hold integers 'step' and 'optimizer_steps'");
  const int64_t step = stored_count(state, "step");
  stored_count(state, "optimizer_steps");
  const std::string name = checkpoint.filename().string();
  if (name.starts_with("step_") && name != io::step_name(step))
    refuse_state(checkpoint, cat("must hold the step of its folder; got ", step));
}

// A checkpoint without sums was written before there were any.
void check_sums(const fs::path& checkpoint, const CheckpointParts& parts, const nlohmann::json& state) {
  if (!state.contains(kSums)) return;
  for (const std::string& name : part_names(parts)) {
    const auto expected = state[kSums].find(name);
    if (expected == state[kSums].end() || *expected != io::file_crc32c(checkpoint / name))
      throw DataError("checkpoint",
                      cat("'", (checkpoint / name).string(),
                          "' is not what was written: its checksum differs; a bad disk or copy?"));
  }
  const std::string done = io::read_text(checkpoint / "DONE");
  if (!done.empty() && done != done_text(checkpoint))
    refuse_state(checkpoint, "is not what was written: its checksum differs; a bad disk or copy?");
}

nlohmann::json load_parts(const fs::path& checkpoint, const CheckpointParts& parts,
                          const RestoreState& restore) {
  const nlohmann::json state = io::read_json(checkpoint / kState);
  check_counts(checkpoint, state);
  copy_weights(parts.weights, nn::load_safetensors(checkpoint / kWeights), "checkpoint");
  parts.ema.load(nn::load_safetensors(checkpoint / kAverage));
  parts.optimizer.load_state(nn::load_safetensors(checkpoint / kOptimizer),
                             state["optimizer_steps"].get<int64_t>());
  for (const auto& [policy, weights] : parts.policies)
    copy_weights(weights, nn::load_safetensors(checkpoint / (policy + ".safetensors")), policy);
  check_sums(checkpoint, parts, state);
  try {
    if (restore) restore(state);
  } catch (const nlohmann::json::exception& error) {
    // "[json.exception.out_of_range.403] key 'guard' not found"
    const std::string text = error.what();
    refuse_state(checkpoint,
                 cat("lacks a value or holds one of another type: ", text.substr(text.find("] ") + 2)));
  }
  return state;
}

}  // namespace

void CheckpointConfig::fields(FieldVisitor& v) {
  v.field("every", every, at_least(1), "steps between two checkpoints");
  v.field("keep", keep, at_least(1), "newest checkpoints that stay on disk");
}

void save_checkpoint(const fs::path& run, int64_t step, const CheckpointParts& parts,
                     const nlohmann::json& state, int64_t keep, bool writes) {
  const Files files = files_of(parts);
  if (!writes) return;
  const fs::path folder = run / "checkpoints", done = folder / io::step_name(step);
  const fs::path temporary = folder / cat(".", io::step_name(step), ".tmp");
  nlohmann::json complete = state;
  complete["step"] = step;
  complete["optimizer_steps"] = parts.optimizer.steps_done();
  std::error_code ignored;
  fs::remove_all(temporary, ignored);
  try {
    write_files(temporary, files, complete);
    fs::remove_all(done);
    fs::rename(temporary, done);
    flush_folder(folder);
    io::write_atomically(done / "DONE", done_text(done));
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

nlohmann::json load_checkpoint(const fs::path& checkpoint, const CheckpointParts& parts,
                               const RestoreState& restore) {
  constexpr const char* kAdvice = "remove this checkpoint to resume from an earlier one";
  try {
    return load_parts(checkpoint, parts, restore);
  } catch (const DataError& error) {
    throw DataError(error, kAdvice);
  } catch (const EnvironmentError& error) {
    throw EnvironmentError(error, kAdvice);
  }
}

int64_t stored_count(const nlohmann::json& state, const char* key) {
  constexpr int64_t kMost = int64_t{1} << 53;
  const nlohmann::json& value = state.at(key);
  if (!value.is_number_integer() || value < 0 || value > kMost)
    throw DataError("checkpoint", cat("'", key, "' of state.json must be a whole number of 0 or more; got ",
                                      io::brief(value)));
  return value.get<int64_t>();
}

}  // namespace gamut::train
