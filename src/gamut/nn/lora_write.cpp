// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/nn/lora_file.h"
#include "gamut/nn/lora_fused.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace gamut::nn {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Modules = std::vector<LoraModule>;

std::vector<std::string> components_of(const LoraFile& file) {
  std::vector<std::string> names;
  for (const LoraModule& module : file.modules) {
    if (std::ranges::find(names, module.component) == names.end()) {
      names.push_back(module.component);
    }
  }
  return names;
}

// B times alpha / r in fp32, rounded once; the alpha is the rank then.
LoraModule folded(LoraModule module) {
  if (module.alpha != double(module.rank())) {
    const Tensor up = module.up.to(at::kFloat) * (module.alpha / double(module.rank()));
    module.up = up.to(module.up.scalar_type());
    module.alpha = double(module.rank());
  }
  return module;
}

// As a whole number where it is one: peft's ranks are ints, and readers print what they find.
json number(double value) { return value == double(int64_t(value)) ? json(int64_t(value)) : json(value); }

template <class Value>
double most_common(const Modules& modules, Value value) {
  std::map<double, int64_t> counts;
  for (const LoraModule& module : modules) {
    ++counts[value(module)];
  }
  return std::ranges::max_element(counts, {}, [](const auto& count) { return count.second; })->first;
}

// transformers 4 has "text_model." before these paths, transformers 5 has not; a target is the end of a path.
std::string target_of(const std::string& path) {
  const std::string prefix = "text_model.";
  return path.starts_with(prefix) ? path.substr(prefix.size()) : path;
}

// The fields of peft's LoraConfig that decide what is computed.
json settings_of(const Modules& modules) {
  const auto rank = [](const LoraModule& module) { return double(module.rank()); };
  const auto alpha = [](const LoraModule& module) { return module.alpha; };
  const double common_rank = most_common(modules, rank), common_alpha = most_common(modules, alpha);
  json targets = json::array(), ranks = json::object(), alphas = json::object();
  for (const LoraModule& module : modules) {
    const std::string target = target_of(module.path);
    targets.push_back(target);
    if (rank(module) != common_rank) {
      ranks[target] = number(rank(module));
    }
    if (alpha(module) != common_alpha) {
      alphas[target] = number(alpha(module));
    }
  }
  return {{"r", number(common_rank)},
          {"lora_alpha", number(common_alpha)},
          {"target_modules", targets},
          {"rank_pattern", ranks},
          {"alpha_pattern", alphas},
          {"lora_dropout", 0.0},
          {"bias", "none"},
          {"use_dora", false},
          {"use_rslora", false},
          {"fan_in_fan_out", false},
          {"init_lora_weights", true}};
}

void make_folder(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder.empty() ? "." : folder, failed);
  if (failed) {
    throw EnvironmentError("lora", cat("folder '", folder.string(), "' cannot be made: ", failed.message()));
  }
}

void save_diffusers(const fs::path& path, const LoraFile& file) {
  std::vector<NamedTensor> tensors;
  json packed = json::object();
  for (const std::string& component : components_of(file)) {
    Modules modules = modules_of(file, component);
    if (component == "transformer") modules = with_whole_matrices(modules);
    for (LoraModule& module : modules) {
      module = folded(module);
      const std::string name = cat(component, ".", module.path);
      tensors.push_back({name + ".lora_A.weight", module.down});
      tensors.push_back({name + ".lora_B.weight", module.up});
    }
    const json settings = settings_of(modules);
    for (const auto& [key, value] : settings.items()) {
      packed[cat(component, ".", key)] = value;
    }
  }
  make_folder(path.parent_path());
  save_safetensors(path, tensors, {{"format", "pt"}, {"lora_adapter_metadata", packed.dump(2)}});
}

// More rows of A and columns of B, all zero: the same product.
LoraModule padded(LoraModule module, int64_t rank) {
  std::vector<int64_t> rows = module.down.sizes().vec(), columns = module.up.sizes().vec();
  rows[0] = columns[1] = rank - module.rank();
  module.down = at::cat({module.down, at::zeros(rows, module.down.options())}, 0);
  module.up = at::cat({module.up, at::zeros(columns, module.up.options())}, 1);
  return module;
}

// Readers differ in what they make of a rank and an alpha per layer (diffusers drops some alphas, and takes
// the commonest for them). So layers that are not all alike get one rank, the largest, and that as alpha: a
// scale of 1 for everyone.
Modules alike(Modules modules) {
  const LoraModule first = modules.front();
  const bool are_alike = std::ranges::all_of(modules, [&](const LoraModule& module) {
    return module.rank() == first.rank() && module.alpha == first.alpha;
  });
  if (are_alike) return modules;
  const int64_t rank = std::ranges::max(modules, {}, &LoraModule::rank).rank();
  for (LoraModule& module : modules) {
    module = padded(folded(std::move(module)), rank);
    module.alpha = double(rank);
  }
  return modules;
}

void save_kohya(const fs::path& path, const LoraFile& file) {
  static const std::map<std::string, std::string> kPrefixes{{"unet", "lora_unet_"},
                                                            {"transformer", "lora_transformer_"},
                                                            {"text_encoder", "lora_te_"},
                                                            {"text_encoder_2", "lora_te2_"}};
  std::vector<NamedTensor> tensors;
  const Modules modules = alike(file.modules);
  for (const LoraModule& module : modules) {
    const bool text = module.component.starts_with("text_encoder");
    const std::string name =
        kPrefixes.at(module.component) +
        flat_path((text ? "text_model." : "") + (text ? target_of(module.path) : module.path));
    tensors.push_back({name + ".alpha", at::scalar_tensor(module.alpha, at::kFloat)});
    tensors.push_back({name + ".lora_down.weight", module.down});
    tensors.push_back({name + ".lora_up.weight", module.up});
  }
  const json settings = settings_of(modules);
  make_folder(path.parent_path());
  save_safetensors(path, tensors,
                   {{"format", "pt"},
                    {"ss_network_module", "networks.lora"},
                    {"ss_network_dim", settings["r"].dump()},
                    {"ss_network_alpha", settings["lora_alpha"].dump()}});
}

void save_peft(const fs::path& folder, const Modules& modules) {
  std::vector<NamedTensor> tensors;
  for (const LoraModule& module : modules) {
    const std::string name = "base_model.model." + module.path;
    tensors.push_back({name + ".lora_A.weight", module.down});
    tensors.push_back({name + ".lora_B.weight", module.up});
  }
  json settings = settings_of(modules);
  settings["peft_type"] = "LORA";
  settings["task_type"] = nullptr;
  settings["base_model_name_or_path"] = nullptr;
  settings["inference_mode"] = true;
  make_folder(folder);
  save_safetensors(folder / "adapter_model.safetensors", tensors, {{"format", "pt"}});
  io::write_atomically(folder / "adapter_config.json", settings.dump(2) + "\n");
}

}  // namespace

Modules modules_of(const LoraFile& file, const std::string& component) {
  Modules modules;
  std::ranges::copy_if(file.modules, std::back_inserter(modules),
                       [&](const LoraModule& module) { return module.component == component; });
  return modules;
}

void save_lora(const fs::path& path, const LoraFile& file, LoraFormat format) {
  const bool names_file = path.extension() == ".safetensors";
  if (format != LoraFormat::kPeft) {
    const bool kohya = format == LoraFormat::kKohya;
    const fs::path target =
        names_file ? path : path / (kohya ? "lora.safetensors" : "pytorch_lora_weights.safetensors");
    return kohya ? save_kohya(target, file) : save_diffusers(target, file);
  }
  if (names_file) {
    throw ConfigError("lora", cat("peft's form is a folder; got the file name '", path.string(), "'"));
  }
  const std::vector<std::string> components = components_of(file);
  for (const std::string& component : components) {
    save_peft(components.size() == 1 ? path : path / component, modules_of(file, component));
  }
}

}  // namespace gamut::nn
