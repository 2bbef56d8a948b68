// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/io/safetensors.h"
#include "gamut/nn/lora_file.h"
#include "gamut/nn/lora_fused.h"
#include "gamut/nn/lora_settings.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace gamut::nn {
namespace {

namespace fs = std::filesystem;
using Part = LoraKey::Part;

// Halves and strength of one module while the file is gone through.
struct Gathered {
  std::string down_key, up_key;
  Tensor down, up, alpha;
  bool bare = false;
};
using Place = std::pair<std::string, std::string>;  // component, path

constexpr double kMostAlpha = 1e30;  // more is no number in fp32

double alpha_of(const Gathered& module, const Place& place, const LoraSettings& settings,
                const std::string& origin) {
  if (module.alpha.defined()) {
    return module.alpha.to(at::kDouble).item<double>();
  }
  if (const LoraJson* found = find_lora_settings(settings, place.first)) {
    return configured_alpha(*found, module.down, module.down_key, place.second, origin);
  }
  if (module.bare) {
    throw DataError(
        origin, cat("tensor '", module.down_key, "' names no component (unet., transformer., …) and the ",
                    "file says no alpha, so its strength is unknown; is it a checkpoint? RUN/model holds ",
                    "the adapter of a run"));
  }
  return double(module.down.size(0));
}

void check_factors(const Gathered& module, const Place& place, const std::string& origin) {
  if (!module.down.defined() || !module.up.defined()) {
    const std::string& there = module.down.defined() ? module.down_key : module.up_key;
    throw DataError(
        origin, there.empty() ? cat("layer '", place.second, "' has an alpha and no weights")
                              : cat("tensor '", there, "' has no partner; a LoRA needs A (down) and B (up)"));
  }
  const bool square = module.up.numel() == module.up.size(0) * module.up.size(1);
  if (module.down.size(0) != module.up.size(1) || module.down.size(0) == 0 || !square) {
    throw DataError(origin,
                    cat("'", module.down_key, "' and '", module.up_key, "' disagree about the rank; got ",
                        module.down.sizes(), " and ", module.up.sizes(), "; expected [r, in…] and [out, r]"));
  }
}

void check_tensor(const std::string& key, const Tensor& tensor, Part part, const std::string& origin) {
  const bool alpha = part == Part::kAlpha;
  if (!at::isFloatingType(tensor.scalar_type()) &&
      !(alpha && at::isIntegralType(tensor.scalar_type(), false))) {
    throw DataError(origin, cat("tensor '", key, "' must hold floating-point numbers"));
  }
  if (alpha ? tensor.numel() != 1 : tensor.dim() != 2 && tensor.dim() != 4) {
    throw DataError(origin, cat("tensor '", key, "' has the wrong shape; got ", tensor.sizes(), "; expected ",
                                alpha ? "one number" : "2 dimensions, or 4 for a convolution"));
  }
  if (!at::isfinite(tensor).all().item<bool>()) {
    throw DataError(origin,
                    cat("tensor '", key, "' holds values that are not finite; the file is damaged, or its ",
                        "training went wrong"));
  }
}

std::map<Place, Gathered> gather(const TensorMap& tensors, const std::string& origin) {
  std::map<Place, Gathered> modules;
  for (const auto& [name, tensor] : tensors) {
    const LoraKey key = parse_lora_key(name, origin);
    check_tensor(name, tensor, key.part, origin);
    Gathered& module = modules[{key.component, key.path}];
    Tensor& half = key.part == Part::kDown ? module.down : key.part == Part::kUp ? module.up : module.alpha;
    if (half.defined()) {
      throw DataError(origin, cat("tensor '", name, "' gives layer '", key.path, "' a second time"));
    }
    half = tensor;
    module.bare = module.bare || key.bare;
    if (key.part != Part::kAlpha) {
      (key.part == Part::kUp ? module.up_key : module.down_key) = name;
    }
  }
  return modules;
}

LoraFile read_file(const fs::path& path, LoraSettings settings, const std::string& component) {
  LoraFile file{.origin = path.string(), .modules = {}};
  const auto metadata = io::SafetensorsFile::open(path).metadata();
  if (settings.empty()) {
    settings = lora_settings_of_header(metadata, file.origin);
  }
  for (const auto& [name, values] : settings) {
    check_lora_settings(values, file.origin);
  }
  for (const auto& [place, module] : gather(load_safetensors(path), file.origin)) {
    check_factors(module, place, file.origin);
    const double alpha = alpha_of(module, place, settings, file.origin);
    if (!(std::abs(alpha) <= kMostAlpha))
      throw DataError(file.origin,
                      cat("the alpha of layer '", place.second, "' must be a usual number; got ", alpha));
    const LoraModule whole{.component = component.empty() ? place.first : component,
                           .path = place.second,
                           .down = module.down,
                           .up = module.up,
                           .alpha = alpha};
    for (LoraModule& layer : in_diffusers_layers(whole, file.origin))
      if (!fills_a_matrix(layer)) file.modules.push_back(std::move(layer));
  }
  std::ranges::stable_sort(file.modules, {},
                           [](const LoraModule& m) { return std::tie(m.component, m.path); });
  if (file.modules.empty()) {
    throw DataError(file.origin, "the file holds no adapter; expected tensors such as '….lora_A.weight'");
  }
  return file;
}

// `component` empty: as the names say.
LoraFile read_peft(const fs::path& folder, const std::string& component) {
  const LoraJson settings =
      ordered_json(io::read_utf8(folder / "adapter_config.json"), (folder / "adapter_config.json").string());
  return read_file(folder / "adapter_model.safetensors", {{"", settings}}, component);
}

LoraFile read_folder(const fs::path& folder) {
  if (fs::exists(folder / "adapter_config.json")) {
    return read_peft(folder, "");
  }
  if (fs::exists(folder / "pytorch_lora_weights.safetensors")) {
    return read_file(folder / "pytorch_lora_weights.safetensors", {}, "");
  }
  LoraFile all{.origin = folder.string(), .modules = {}};
  for (const char* component : {"text_encoder", "text_encoder_2", "transformer", "unet"}) {
    if (fs::exists(folder / component / "adapter_config.json")) {
      for (LoraModule& module : read_peft(folder / component, component).modules) {
        all.modules.push_back(std::move(module));
      }
    }
  }
  if (all.modules.empty()) {
    throw DataError(folder.string(),
                    "the folder holds no adapter; expected adapter_config.json with "
                    "adapter_model.safetensors, or pytorch_lora_weights.safetensors");
  }
  return all;
}

}  // namespace

LoraFile load_lora(const fs::path& path) {
  if (fs::is_directory(path)) {
    return read_folder(path);
  }
  if (!fs::exists(path)) {
    throw EnvironmentError("lora", cat("adapter '", path.string(), "' does not exist; is the path right?"));
  }
  if (path.extension() != ".safetensors") {
    throw DataError("lora",
                    cat("adapter '", path.string(), "' must be a .safetensors file or a folder; pickled ",
                        "weights (.bin, .pt, .ckpt) are never read: convert them to safetensors"));
  }
  const bool peft = path.filename() == "adapter_model.safetensors" &&
                    fs::exists(path.parent_path() / "adapter_config.json");
  return peft ? read_peft(path.parent_path(), "") : read_file(path, {}, "");
}

}  // namespace gamut::nn
