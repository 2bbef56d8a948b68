// SPDX-License-Identifier: Apache-2.0
// The files of a model folder: configs and tokenizer kept in memory as they were, weights found and loaded.
#pragma once

#include "gamut/nn/params.h"

#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>

namespace gamut::models {

class ModelFolder {
 public:
  // A folder, a run with one, or a name of the Hub (models/hub.h). EnvironmentError for a missing folder, or
  // one without model_index.json, with a hint at what may be meant. DataError when a component's name is a
  // path.
  explicit ModelFolder(const std::string& name);

  const std::filesystem::path& path() const { return path_; }
  // What to do about a file that the folder lacks; ends a message.
  const std::string& if_incomplete() const { return if_incomplete_; }
  // Class of a component in model_index.json; "" if absent or null.
  std::string component_class(const std::string& component) const;
  bool has(const std::string& relative) const { return files_.contains(relative); }
  // A JSON file of the folder, such as "unet/config.json".
  nlohmann::json json(const std::string& relative) const;
  void replace(const std::string& relative, std::string bytes);
  // unet: `stem` "diffusion_pytorch_model"; text_encoder: "model". One file or shards; `variant` "fp16"
  // prefers "….fp16.safetensors", "" the plain name, then any variant. Mapped, so read-only. EnvironmentError
  // when missing.
  nn::TensorMap load_weights(const std::string& component, const std::string& stem,
                             const std::string& variant = "") const;
  // Everything but the weights of `own` components; weights of other components are copied from the source.
  // What a link leads to outside the folder (io::lies_within) was read, but is not copied; a warning says so.
  void save_rest(const std::filesystem::path& target, const std::vector<std::string>& own) const;

 private:
  void read_rest(const std::string& component);
  std::filesystem::path path_;
  std::string if_incomplete_ = "is the model folder complete?";
  std::map<std::string, std::string> files_;  // relative path to bytes
  std::set<std::string> foreign_;             // of them: what a link brought from elsewhere
};

}  // namespace gamut::models
