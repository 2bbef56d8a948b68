// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/other_layouts.h"

#include "gamut/core/content.h"
#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"
#include "gamut/io/safetensors.h"
#include "gamut/models/hub.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <vector>

namespace gamut::models {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIndexFile = "model_index.json";

std::string conversion_of(const fs::path& file) {
  return cat(
      "gamut reads folders in diffusers' layout; convert it once, in Python: "
      "StableDiffusionPipeline.from_single_file(\"",
      file.filename().string(), "\").save_pretrained(\"FOLDER\")");
}

// A single file of these holds no T5, so that the folder that is published beside it is the shorter way.
std::string published_folder(const std::string& models, const std::string& example) {
  return cat(
      "a single-file checkpoint, not a model folder; gamut reads folders in diffusers' layout; this is ",
      models, ": use the folder that it is published as, such as: hf download ", example);
}

std::string first_bytes(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string bytes(256, '\0');
  in.read(bytes.data(), std::streamsize(bytes.size()));
  bytes.resize(size_t(std::max<std::streamsize>(0, in.gcount())));
  return bytes;
}

std::string describe_safetensors(const fs::path& file) {
  const io::SafetensorsFile stored = io::SafetensorsFile::open(file);  // DataError names other contents
  const auto any = [&](std::string_view part) {
    return std::ranges::any_of(stored.entries(), [&](const io::TensorEntry& entry) {
      return entry.name.find(part) != std::string::npos;
    });
  };
  if (any("lora_A.") || any("lora_B.") || any("lora_down.") || any("lora.down."))
    return "an adapter, not a model; give it with --lora, and its base with --model";
  if (any("joint_blocks."))
    return published_folder("Stable Diffusion 3 or 3.5", "stabilityai/stable-diffusion-3.5-medium");
  if (any("double_blocks.")) return published_folder("FLUX.1", "black-forest-labs/FLUX.1-dev");
  if (any("model.diffusion_model.") || any("first_stage_model.") || any("cond_stage_model."))
    return cat("a single-file checkpoint, not a model folder; ", conversion_of(file));
  return "weights of one network, not a model folder; give the folder that holds model_index.json";
}

bool has_extension(const fs::path& file, std::initializer_list<const char*> extensions) {
  return std::ranges::find(extensions, file.extension().string()) != extensions.end();
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) entries.push_back(entry.path());
  std::ranges::sort(entries);
  return entries;
}

// The snapshot that refs/main names, else the first one.
fs::path snapshot_in(const fs::path& cached) {
  if (const fs::path named = snapshot_of(cached, "main"); !named.empty()) return named;
  for (const fs::path& entry : entries_of(cached / "snapshots"))
    if (fs::is_directory(entry)) return entry;
  return {};
}

std::string single_file_in(const fs::path& folder) {
  for (const fs::path& file : entries_of(folder)) {
    if (!fs::is_regular_file(file) || !has_extension(file, {".safetensors", ".ckpt"})) continue;
    if (file.extension() == ".ckpt")
      return cat("it holds '", file.filename().string(), "', a single-file checkpoint; ",
                 conversion_of(file));
    try {
      return cat("it holds '", file.filename().string(), "', ", describe_safetensors(file));
    } catch (const DataError&) {  // another kind of file says nothing about the folder
    }
  }
  return "";
}

// The class that a lone config.json names.
std::string lone_network(const fs::path& folder) {
  if (!fs::is_regular_file(folder / "config.json")) return "";
  try {
    const nlohmann::json config = io::read_json(folder / "config.json");
    if (config.is_object() && config.contains("_class_name") && config["_class_name"].is_string())
      return printable(config["_class_name"].get<std::string>(), 60);
    if (config.is_object() && config.contains("architectures") && config["architectures"].is_array() &&
        !config["architectures"].empty() && config["architectures"][0].is_string())
      return printable(config["architectures"][0].get<std::string>(), 60);
  } catch (const Error&) {
  }
  return "";
}

}  // namespace

std::string describe_model_file(const fs::path& file) {
  const std::string foreign = foreign_content(first_bytes(file));
  const bool is_pickle = has_extension(file, {".ckpt", ".pt", ".pth", ".bin"});
  if (is_pickle && (foreign.empty() || foreign.find("pickle") != std::string::npos))
    return cat("a single-file checkpoint, not a model folder; ", conversion_of(file));
  if (!foreign.empty()) return foreign;
  if (file.filename() == kIndexFile)
    return cat("the index of a model folder; give the folder '", file.parent_path().string(), "'");
  if (file.extension() == ".safetensors") return describe_safetensors(file);
  return "a file, not a model folder in diffusers' layout";
}

std::string hub_cache_hint(const fs::path& folder) {
  const fs::path path = folder.has_filename() ? folder : folder.parent_path();
  // models--org--name, or one of the folders in it.
  for (const fs::path& cached : {path, path.parent_path()}) {
    if (!cached.filename().string().starts_with("models--")) continue;
    const fs::path snapshot = snapshot_in(cached);
    if (snapshot.empty())
      return "this is a folder of the Hub's cache without a snapshot: the download has not finished";
    return cat("this is a folder of the Hub's cache; the model is in '", snapshot.string(), "'");
  }
  for (const fs::path& entry : entries_of(path))
    if (entry.filename().string().starts_with("models--") && !snapshot_in(entry).empty())
      return cat("this is the Hub's cache; the model is in a folder below it, for example '",
                 snapshot_in(entry).string(), "'");
  return "";
}

std::string layout_hint(const fs::path& folder) {
  const fs::path path = folder.has_filename() ? folder : folder.parent_path();
  if (fs::exists(path.parent_path() / kIndexFile))
    return cat("did you mean its parent '", path.parent_path().string(), "'?");
  if (fs::exists(path / "pytorch_lora_weights.safetensors") || fs::exists(path / "adapter_config.json"))
    return "this is an adapter; give it with --lora, and its base with --model";
  if (const std::string hint = hub_cache_hint(path); !hint.empty()) return hint;
  for (const fs::path& entry : entries_of(path))
    if (fs::is_directory(entry) && fs::exists(entry / kIndexFile))
      return cat("did you mean '", entry.string(), "'?");
  if (const std::string network = lone_network(path); !network.empty())
    return cat("this is a single network (", network, "), not a whole model");
  if (const std::string file = single_file_in(path); !file.empty()) return file;
  return "is the path right?";
}

}  // namespace gamut::models
