// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/model_folder.h"

#include "gamut/core/config.h"
#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/program.h"
#include "gamut/io/files.h"
#include "gamut/io/inside.h"
#include "gamut/models/hub.h"
#include "gamut/models/other_layouts.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <set>

namespace gamut::models {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIndex = "model_index.json";

bool is_weights(const fs::path& file) {
  static const std::set<std::string> kExtensions{".safetensors", ".bin",     ".ckpt", ".pt",
                                                 ".onnx",        ".msgpack", ".pb",   ".onnx_data"};
  return kExtensions.contains(file.extension().string()) ||
         file.filename().string().find(".safetensors.index.") != std::string::npos;
}

// The weights of one component: one file or an index of shards, plain or of a variant ("fp16"), under the
// names that diffusers and transformers have given them.
std::vector<std::string> weight_names(const std::string& stem, const std::string& variant) {
  if (variant.empty()) return {stem + ".safetensors", stem + ".safetensors.index.json"};
  return {stem + "." + variant + ".safetensors", stem + ".safetensors.index." + variant + ".json",
          stem + "." + variant + ".safetensors.index.json"};
}

std::optional<fs::path> find_weights(const fs::path& folder, const std::string& stem,
                                     const std::vector<std::string>& variants) {
  for (const std::string& variant : variants) {
    for (const std::string& name : weight_names(stem, variant)) {
      if (fs::exists(folder / name)) return folder / name;
    }
  }
  return std::nullopt;
}

bool holds_pickle(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".bin" || extension == ".ckpt" || extension == ".pt" || extension == ".pth") return true;
  }
  return false;
}

std::string missing_hint(const fs::path& folder) {
  const fs::path parent = folder.has_filename() ? folder.parent_path() : folder.parent_path().parent_path();
  std::error_code ignored;
  std::vector<std::string> neighbours;
  for (const auto& entry : fs::directory_iterator(parent.empty() ? "." : parent, ignored)) {
    if (entry.is_directory()) {
      neighbours.push_back(entry.path().filename().string());
    }
  }
  const std::string name = (folder.has_filename() ? folder : folder.parent_path()).filename().string();
  const std::string near = nearest_name(name, neighbours);
  if (!near.empty()) return cat("did you mean '", (parent / near).string(), "'?");
  const auto hub = parse_hub_name(folder.string());
  return hub ? cat("is the path right? If a model of the Hugging Face Hub is meant: ", download_command(*hub))
             : "is the path right?";
}

void write_file(const fs::path& path, const std::string& bytes) {
  std::error_code failed;
  fs::create_directories(path.parent_path(), failed);
  if (failed) {
    throw EnvironmentError(
        "model", cat("folder '", path.parent_path().string(), "' cannot be made: ", failed.message()));
  }
  io::write_atomically(path, bytes);
}

}  // namespace

ModelFolder::ModelFolder(const std::string& name) : path_(find_model(name)) {
  if (const auto hub = parse_hub_name(name); hub && path_ != fs::path(name))
    if_incomplete_ = cat("the Hugging Face cache holds it in part; to download what gamut reads: ",
                         download_command(*hub));
  if (path_.empty()) {
    throw ConfigError(
        "model",
        "this recipe leaves the model to you; got model = \"\"; name a folder in diffusers' layout, for "
        "example --set model=stable-diffusion-v1-5");
  }
  if (fs::is_regular_file(path_)) {
    throw DataError("model",
                    cat("'", path_.string(), "' must be a model folder; got ", describe_model_file(path_)));
  }
  if (!fs::is_directory(path_)) {
    throw EnvironmentError("model",
                           cat("folder '", path_.string(), "' does not exist; ", missing_hint(path_)));
  }
  if (!fs::exists(path_ / kIndex)) {
    throw EnvironmentError("model", cat("folder '", path_.string(), "' holds no ", kIndex,
                                        "; expected a model in diffusers' layout; ", layout_hint(path_)));
  }
  files_[kIndex] = io::read_text(path_ / kIndex);
  const nlohmann::json index = json(kIndex);
  if (!index.is_object()) {
    throw DataError((path_ / kIndex).string(), "an index is a JSON object of components");
  }
  for (const auto& [component, value] : index.items()) {
    // A component is a folder in this one; anything else could read, and save, files from elsewhere.
    if (!is_plain_name(component)) {
      throw DataError((path_ / kIndex).string(),
                      cat("a component must be one plain folder name; got '", printable(component), "'"));
    }
    if (fs::is_directory(path_ / component)) read_rest(component);
  }
}

void ModelFolder::read_rest(const std::string& component) {
  for (const auto& entry : fs::directory_iterator(path_ / component)) {
    if (!entry.is_regular_file() || is_weights(entry.path())) continue;
    const std::string relative = component + "/" + entry.path().filename().string();
    files_[relative] = io::read_text(entry.path());
    if (!io::lies_within(path_, entry.path())) foreign_.insert(relative);
  }
}

void ModelFolder::replace(const std::string& relative, std::string bytes) {
  files_[relative] = std::move(bytes);
  foreign_.erase(relative);
}

std::string ModelFolder::component_class(const std::string& component) const {
  const nlohmann::json index = json(kIndex);
  if (!index.contains(component) || index[component].is_null()) {
    return "";
  }
  const nlohmann::json& value = index[component];
  const bool pair = value.is_array() && value.size() == 2;
  if (!pair || !(value[1].is_string() || value[1].is_null())) {
    throw DataError(
        (path_ / kIndex).string(),
        cat("component '", component, "' is a pair of library and class; got ", io::brief(value)));
  }
  return value[1].is_null() ? "" : value[1].get<std::string>();
}

nlohmann::json ModelFolder::json(const std::string& relative) const {
  const auto found = files_.find(relative);
  const std::string name = (path_ / relative).string();
  if (found == files_.end()) {
    throw EnvironmentError("model", cat("file '", name, "' does not exist; ", if_incomplete_));
  }
  return io::parse_json(found->second, name);
}

nn::TensorMap ModelFolder::load_weights(const std::string& component, const std::string& stem,
                                        const std::string& variant) const {
  const fs::path folder = path_ / component;
  const std::vector<std::string> variants =
      variant.empty() ? std::vector<std::string>{"", "fp16", "bf16", "fp32", "non_ema"}
                      : std::vector<std::string>{variant, ""};
  if (const auto found = find_weights(folder, stem, variants)) return nn::map_safetensors(*found);
  throw EnvironmentError(
      "model",
      cat("file '", (folder / weight_names(stem, variant).front()).string(), "' does not exist; ",
          holds_pickle(folder) ? "pickled weights (.bin) are never read: convert them with diffusers, "
                                 "DiffusionPipeline.from_pretrained(OLD).save_pretrained(NEW)"
                               : if_incomplete_));
}

void ModelFolder::save_rest(const fs::path& target, const std::vector<std::string>& own) const {
  std::set<std::string> left_out = foreign_;
  for (const auto& [relative, bytes] : files_) {
    if (!foreign_.contains(relative)) write_file(target / relative, bytes);
  }
  const nlohmann::json index = json(kIndex);
  for (const auto& [component, value] : index.items()) {
    const bool foreign =
        std::ranges::find(own, component) == own.end() && fs::is_directory(path_ / component);
    if (!foreign || fs::exists(target / component / "config.json") == false ||
        fs::equivalent(path_, target)) {
      continue;
    }
    for (const auto& entry : fs::directory_iterator(path_ / component)) {
      if (!entry.is_regular_file() || !is_weights(entry.path())) continue;
      const fs::path name = entry.path().filename();
      if (io::lies_within(path_, entry.path()))
        fs::copy_file(entry.path(), target / component / name, fs::copy_options::overwrite_existing);
      else
        left_out.insert(component + "/" + name.string());
    }
  }
  if (!left_out.empty() && !fs::equivalent(path_, target))
    log_warning(cat(left_out.size(), left_out.size() == 1 ? " file" : " files", " of '", path_.string(),
                    "' lead out of it by a link and were not copied to '", target.string(), "', the first '",
                    printable(*left_out.begin()), "'; copy what you trust by hand"));
}

}  // namespace gamut::models
