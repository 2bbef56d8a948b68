// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/hub.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/core/program.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <vector>

namespace gamut::models {
namespace {

namespace fs = std::filesystem;

bool is_word(const std::string& text, const char* also) {
  return !text.empty() && text.find("..") == std::string::npos &&
         std::ranges::all_of(text, [&](const char c) {
           const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0;
           return letter || std::string_view(also).find(c) != std::string_view::npos;
         });
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

fs::path from_home(const std::string& path) {
  return path.starts_with("~/") ? fs::path(variable("HOME")) / path.substr(2) : fs::path(path);
}

using Patterns = std::vector<const char*>;
const Patterns kPipelineFiles{"model_index.json",
                              "scheduler/*.json",
                              "tokenizer*/*",
                              "text_encoder*/config.json",
                              "text_encoder*/model*.safetensors*",
                              "unet/config.json",
                              "unet/diffusion_pytorch_model*.safetensors*",
                              "transformer/config.json",
                              "transformer/diffusion_pytorch_model*.safetensors*",
                              "vae/config.json",
                              "vae/diffusion_pytorch_model*.safetensors*"};
const Patterns kNetworkFiles{"*.json", "merges.txt", "model*.safetensors*"};

std::string download_command(const HubName& name, const Patterns& patterns) {
  std::string text = cat("hf download ", name.repository);
  if (name.revision != "main") text += cat(" --revision ", shell_word(name.revision));
  for (const char* pattern : patterns) text += cat(" --include ", shell_word(pattern));
  return text;
}

// A path that exists as it is, else the snapshot of a Hub's name, which must hold `marker`.
fs::path find_with(const std::string& name, const char* marker, const Patterns& patterns) {
  const fs::path path = name;
  std::error_code ignored;
  if (name.empty() || fs::exists(path, ignored)) return path;
  const std::optional<HubName> hub = parse_hub_name(name);
  if (!hub) return path;
  std::string folder = "models--" + hub->repository;
  folder.replace(folder.find('/'), 1, "--");
  const fs::path snapshot = snapshot_of(hub_cache() / folder, hub->revision);
  if (!snapshot.empty() && fs::exists(snapshot / marker, ignored)) return snapshot;
  if (fs::is_directory(path.parent_path(), ignored)) return path;  // more likely a path with a slip in it
  throw EnvironmentError(
      "model", cat("'", printable(name), "' is no folder here, and ",
                   snapshot.empty() ? "the Hugging Face cache does not hold it"
                                    : cat("what the Hugging Face cache holds of it has no ", marker),
                   "; looked in '", printable(hub_cache().string()),
                   "'; to download what gamut reads: ", download_command(*hub, patterns)));
}

}  // namespace

// Snapshots are links into blobs/, followed like any.
fs::path snapshot_of(const fs::path& repository, const std::string& revision) {
  std::string commit = revision;
  std::ifstream ref(repository / "refs" / revision);
  if (ref) std::getline(ref, commit);
  while (!commit.empty() && std::isspace(static_cast<unsigned char>(commit.back()))) commit.pop_back();
  const fs::path snapshot = repository / "snapshots" / commit;
  std::error_code ignored;
  return is_word(commit, "_-.") && fs::is_directory(snapshot, ignored) ? snapshot : fs::path();
}

std::optional<HubName> parse_hub_name(const std::string& name) {
  const size_t at = name.find('@'), slash = name.find('/');
  HubName out{.repository = name.substr(0, at)};
  if (at != std::string::npos) out.revision = name.substr(at + 1);
  if (slash == std::string::npos || slash > at || !is_word(out.revision, "_-./") ||
      out.revision.front() == '/')
    return std::nullopt;
  const std::string owner = out.repository.substr(0, slash), title = out.repository.substr(slash + 1);
  const bool names =
      is_word(owner, "_-.") && is_word(title, "_-.") && owner.front() != '.' && title.front() != '.';
  return names ? std::optional(out) : std::nullopt;
}

fs::path hub_cache() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
    if (!variable(name).empty()) return from_home(variable(name));
  if (!variable("HF_HOME").empty()) return from_home(variable("HF_HOME")) / "hub";
  if (!variable("XDG_CACHE_HOME").empty()) return from_home(variable("XDG_CACHE_HOME")) / "huggingface/hub";
  return fs::path(variable("HOME")) / ".cache/huggingface/hub";
}

std::string download_command(const HubName& name) { return download_command(name, kPipelineFiles); }

fs::path find_model(const std::string& name) {
  const fs::path path = name;
  if (name.empty()) return path;
  std::error_code ignored;
  if (fs::exists(path / "config.toml", ignored) && fs::exists(path / "model/model_index.json", ignored))
    return path / "model";
  return find_with(name, "model_index.json", kPipelineFiles);
}

fs::path find_network(const std::string& name) { return find_with(name, "config.json", kNetworkFiles); }

}  // namespace gamut::models
