// SPDX-License-Identifier: Apache-2.0
// Recipes, prompts and model folders so small that a training run takes a second.
#pragma once

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/io/safetensors.h"
#include "support/temp_folder.h"
#include "support/write_raw.h"

#include <nlohmann/json.hpp>

#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace gamut::testing {

namespace fs = std::filesystem;

inline const fs::path kSource = GAMUT_SOURCE_DIR;
inline const fs::path kFixtures = kSource / "tests/cli/fixtures";
inline const fs::path kTiny = kFixtures / "tiny";  // made by tests/generators/tiny_pipeline.py
inline const fs::path kReader = kSource / "models/glyphs-reader";

inline std::string quoted(const fs::path& path) { return cat('"', path.string(), '"'); }

// A folder with micro.toml, its prompts and a place for runs.
class Micro {
 public:
  Micro() {
    write_raw(folder_ / "prompts.jsonl",
              "{\"prompt\": \"the digit 7\", \"target\": \"7\"}\n{\"prompt\": \"the letter K\", \"target\": "
              "\"K\"}\n"
              "{\"prompt\": \"the letter A\", \"target\": \"A\"}\n");
    write_raw(recipe(), text());
  }

  fs::path operator/(const std::string& name) const { return folder_ / name; }
  fs::path recipe() const { return folder_ / "micro.toml"; }

  // Eight pictures an iteration, four iterations, a checkpoint and an evaluation after every second one.
  std::string text() const {
    return "model = " + quoted(kTiny) +
           "\niterations = 4\n[rollout]\nprompts = " + quoted(folder_ / "prompts.jsonl") +
           "\nprompts_per_iteration = 2\ngroup_size = 4\nmicro_batch = 8\n[sampler]\nsteps = 4\n"
           "[schedule]\nkind = \"random\"\ncount = 2\n[optimizer]\nlearning_rate = 2e-4\n"
           "[eval]\nprompts = \"\"\nevery = 2\nmembers = 2\nsteps = 2\nreport_seed = -1\nmicro_batch = "
           "8\n[checkpoint]\nevery "
           "= 2\nkeep = 2\n"
           "[reward]\nkind = \"reader\"\nmodel = " +
           quoted(kReader) + "\n[ema]\nevery = 1\n[judge]\nkind = \"reader\"\nmodel = " + quoted(kReader) +
           "\n";
  }

  // train micro.toml --run folder/run, then what else is given.
  std::vector<std::string> train(const std::string& run, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> args{"train", recipe().string(), "--run", (folder_ / run).string()};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }

  // A copy of the tiny model to spoil.
  fs::path copy_of_tiny(const std::string& name = "tiny") const {
    fs::copy(kTiny, folder_ / name, fs::copy_options::recursive);
    return folder_ / name;
  }

 private:
  TempFolder folder_;
};

// Rewrites one file's text.
inline void edit(const fs::path& path, const std::string& from, const std::string& to) {
  std::string text = io::read_text(path);
  const size_t place = text.find(from);
  if (place == std::string::npos) throw std::runtime_error(path.string() + " does not hold " + from);
  write_raw(path, text.replace(place, from.size(), to));
}

// Overwrites fp32 tensors whose name holds `part` in a safetensors file.
inline void fill_tensors(const fs::path& path, const std::string& part, float value) {
  const io::SafetensorsFile file = io::SafetensorsFile::open(path);
  std::vector<std::vector<std::byte>> data;
  std::vector<io::TensorToSave> tensors;
  for (const io::TensorEntry& entry : file.entries()) {
    const std::span<const std::byte> bytes = file.bytes(entry);
    data.emplace_back(bytes.begin(), bytes.end());
    if (entry.name.find(part) == std::string::npos) continue;
    for (size_t at = 0; at < bytes.size(); at += sizeof value)
      std::memcpy(&data.back()[at], &value, sizeof value);
  }
  for (size_t i = 0; i < data.size(); ++i)
    tensors.push_back({file.entries()[i].name, file.entries()[i].dtype, file.entries()[i].shape, data[i]});
  io::save_safetensors(path, tensors, file.metadata());
}

// The rows of metrics.jsonl or evals.jsonl without what a clock measured.
inline std::vector<nlohmann::json> rows_without_seconds(const fs::path& path) {
  std::vector<nlohmann::json> rows = io::read_json_lines(path);
  for (nlohmann::json& row : rows)
    for (auto it = row.begin(); it != row.end();)
      it = it.key().starts_with("seconds") ? row.erase(it) : std::next(it);
  return rows;
}

}  // namespace gamut::testing
