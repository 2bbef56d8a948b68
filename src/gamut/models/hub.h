// SPDX-License-Identifier: Apache-2.0
// Models by their name on the Hugging Face Hub, found in the local cache; gamut itself downloads nothing.
//
//   find_model("stable-diffusion-v1-5/stable-diffusion-v1-5")      // …/hub/models--…/snapshots/<commit>
//   find_model("stable-diffusion-v1-5/stable-diffusion-v1-5@fp16") // the commit that refs/fp16 names
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace gamut::models {

struct HubName {
  std::string repository;  // ORG/NAME
  std::string revision = "main";
};

// ORG/NAME[@REVISION] in the Hub's alphabet; nullopt for anything else, such as a path with more parts.
std::optional<HubName> parse_hub_name(const std::string& name);
// HF_HUB_CACHE, else HF_HOME/hub, else XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub.
std::filesystem::path hub_cache();
// The snapshot of a revision in a cached repository (models--ORG--NAME); "" when it is not there.
std::filesystem::path snapshot_of(const std::filesystem::path& repository, const std::string& revision);
// The command that fetches what gamut reads of a model.
std::string download_command(const HubName& name);

// A path that exists as it is; a run folder's model; else the Hub's name as the folder of its snapshot. Any
// other name as it is. EnvironmentError with the command to download for a Hub's name that is not in the
// cache.
std::filesystem::path find_model(const std::string& name);
// The same for one network in transformers' layout (a CLIP, a ViT): its folder holds config.json.
std::filesystem::path find_network(const std::string& name);

}  // namespace gamut::models
