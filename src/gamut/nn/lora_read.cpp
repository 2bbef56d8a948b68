// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"
#include "gamut/io/safetensors.h"
#include "gamut/nn/lora_file.h"
#include "gamut/nn/lora_fused.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <regex>
#include <tuple>

namespace gamut::nn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;  // the order of patterns counts
using Part = LoraKey::Part;
using Settings = std::map<std::string, Json>;  // component ("" = all) to peft's LoraConfig

// Halves and strength of one module while the file is gone through.
struct Gathered {
  std::string down_key, up_key;
  Tensor down, up, alpha;
  bool bare = false;
};
using Place = std::pair<std::string, std::string>;  // component, path

constexpr double kMostAlpha = 1e30;  // more is no number in fp32

double number_of(const Json& settings, const std::string& key, double absent, const std::string& origin) {
  if (!settings.contains(key) || settings[key].is_null()) {
    return absent;
  }
  if (!settings[key].is_number() || !std::isfinite(settings[key].get<double>())) {
    throw DataError(origin, cat("'", key, "' of the adapter's configuration must be a number; got ",
                                io::brief(settings[key])));
  }
  return settings[key].get<double>();
}

bool flag_of(const Json& settings, const std::string& key) {
  return settings.contains(key) && settings[key].is_boolean() && settings[key].get<bool>();
}

// peft's rule: the pattern is a regular expression that the whole path matches, or what stands after one of
// its dots. Where ECMAScript reads an expression otherwise than Python, or not at all, it is refused by name.
std::regex pattern_of(const std::string& key, const std::string& pattern, const std::string& origin) {
  static const std::regex kOtherwise(R"(\\[AZ]|\(\?[^:=!]|\[\[|[*+?}]\+|\{,)");
  constexpr size_t kLongest = 1000;
  try {
    if (pattern.size() <= kLongest && !std::regex_search(pattern, kOtherwise))
      return std::regex(cat("(.*\\.)?(", pattern, ")"), std::regex::ECMAScript);
  } catch (const std::regex_error&) {
  }
  throw DataError(origin, cat("'", key, "' holds a pattern that is not read; got '", printable(pattern, 80),
                              "'; expected a layer's name or a plain regular expression"));
}

// The value of the first pattern, in the file's order, that the path matches.
double by_pattern(const Json& settings, const std::string& key, const std::string& path, double otherwise,
                  const std::string& origin) {
  if (!settings.contains(key) || !settings[key].is_object()) {
    return otherwise;
  }
  constexpr size_t kLongestPath = 1000;  // matching goes one call deeper with each character
  if (path.size() > kLongestPath)
    throw DataError(origin, cat("layer '", printable(path, 80), "' has too long a name for '", key,
                                "'; expected at most ", kLongestPath, " letters"));
  for (const auto& [pattern, value] : settings[key].items()) {
    try {
      if (std::regex_match(path, pattern_of(key, pattern, origin)))
        return number_of(settings[key], pattern, otherwise, origin);
    } catch (const std::regex_error&) {  // too many ways to match
      throw DataError(
          origin, cat("'", key, "' holds a pattern that is too costly; got '", printable(pattern, 80), "'"));
    }
  }
  return otherwise;
}

// Strictly as every other JSON file, then again for the order.
Json ordered(const std::string& text, const std::string& name) {
  io::parse_json(text, name);
  return Json::parse(text);
}

void check_settings(const Json& settings, const std::string& origin) {
  if (!settings.is_object()) {
    throw DataError(origin, "the adapter's configuration is a JSON object");
  }
  if (settings.contains("peft_type") && settings["peft_type"] != "LORA") {
    throw DataError(
        origin, cat("only adapters of type LORA are read; got peft_type ", io::brief(settings["peft_type"])));
  }
  for (const char* unsupported : {"use_dora", "lora_bias", "fan_in_fan_out"}) {
    if (flag_of(settings, unsupported)) {
      throw DataError(origin, cat("adapters with ", unsupported, " are not read; expected plain LoRA"));
    }
  }
}

// "unet.r": 4 -> {"unet": {"r": 4}}.
Settings settings_of_header(const std::map<std::string, std::string>& metadata, const std::string& origin) {
  Settings settings;
  const auto found = metadata.find("lora_adapter_metadata");
  if (found == metadata.end()) {
    return settings;
  }
  const Json packed = ordered(found->second, origin + " (lora_adapter_metadata)");
  if (!packed.is_object()) {
    throw DataError(origin, "lora_adapter_metadata is a JSON object");
  }
  for (const auto& [name, value] : packed.items()) {
    const size_t dot = name.find('.');
    if (dot != std::string::npos) {
      settings[name.substr(0, dot)][name.substr(dot + 1)] = value;
    }
  }
  return settings;
}

const Json* find_settings(const Settings& settings, const std::string& component) {
  for (const std::string& name : {component, std::string()}) {
    if (const auto found = settings.find(name); found != settings.end()) {
      return &found->second;
    }
  }
  return nullptr;
}

// peft's scaling times the rank. A rank that contradicts the configuration would change the scale in silence.
double configured_alpha(const Json& settings, const Gathered& module, const std::string& path,
                        const std::string& origin) {
  const double rank = double(module.down.size(0));
  const double expected =
      by_pattern(settings, "rank_pattern", path, number_of(settings, "r", rank, origin), origin);
  if (expected != rank) {
    throw DataError(origin,
                    cat("tensor '", module.down_key, "' has another rank than the configuration says; got ",
                        module.down.sizes(), "; expected rank ", expected));
  }
  const double alpha =
      by_pattern(settings, "alpha_pattern", path, number_of(settings, "lora_alpha", 8, origin), origin);
  return flag_of(settings, "use_rslora") ? alpha * std::sqrt(rank) : alpha;
}

double alpha_of(const Gathered& module, const Place& place, const Settings& settings,
                const std::string& origin) {
  if (module.alpha.defined()) {
    return module.alpha.to(at::kDouble).item<double>();
  }
  if (const Json* found = find_settings(settings, place.first)) {
    return configured_alpha(*found, module, place.second, origin);
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

LoraFile read_file(const fs::path& path, Settings settings, const std::string& component) {
  LoraFile file{.origin = path.string(), .modules = {}};
  const auto metadata = io::SafetensorsFile::open(path).metadata();
  if (settings.empty()) {
    settings = settings_of_header(metadata, file.origin);
  }
  for (const auto& [name, values] : settings) {
    check_settings(values, file.origin);
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
  const Json settings =
      ordered(io::read_utf8(folder / "adapter_config.json"), (folder / "adapter_config.json").string());
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
