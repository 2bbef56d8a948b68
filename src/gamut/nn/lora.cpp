// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/lora.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <regex>

namespace gamut::nn {
namespace {

constexpr const char *kDown = ".lora_A.weight", *kUp = ".lora_B.weight";

bool takes(const std::string& target, const std::string& path) {
  return path == target || path.ends_with("." + target);
}

std::vector<std::string> match_regex(const std::string& text,
                                     const std::map<std::string, AdapterHandle>& slots) {
  std::vector<std::string> paths;
  try {
    const std::regex pattern(text);
    for (const auto& [path, slot] : slots) {
      if (std::regex_match(path, pattern)) {
        paths.push_back(path);
      }
    }
  } catch (const std::regex_error& error) {
    throw ConfigError("lora", cat("lora.target_regex must be a regular expression (ECMAScript); got '", text,
                                  "': ", error.what()));
  }
  if (paths.empty()) {
    throw ConfigError("lora", cat("lora.target_regex matches no layer of the model; got '", text,
                                  "'; it must match a whole path such as '", slots.begin()->first, "'"));
  }
  return paths;
}

[[noreturn]] void refuse_target(const std::string& target,
                                const std::map<std::string, AdapterHandle>& slots) {
  std::vector<std::string> endings;
  for (const auto& [path, slot] : slots) {
    for (size_t dot = path.rfind('.'); dot != std::string::npos && dot > 0; dot = path.rfind('.', dot - 1)) {
      endings.push_back(path.substr(dot + 1));
    }
    endings.push_back(path);
  }
  const std::string near = nearest_name(target, endings);
  throw ConfigError("lora",
                    cat("lora.targets: '", target, "' takes no layer of the model; expected the end of a ",
                        "layer's path", near.empty() ? "" : cat("; did you mean '", near, "'?")));
}

std::vector<int64_t> factor_shape(at::IntArrayRef weight, int64_t rank, bool down) {
  std::vector<int64_t> shape = weight.vec();
  if (down) {
    shape[0] = rank;
    return shape;
  }
  shape[1] = rank;
  std::fill(shape.begin() + 2, shape.end(), 1);
  return shape;
}

// A factor in the layer's own number of dimensions: files write 1x1 convolutions as matrices, or the other
// way round.
Tensor fitted(const Tensor& factor, at::IntArrayRef shape) {
  const bool same_matrix = factor.numel() == factor.size(0) * factor.size(1) && factor.size(0) == shape[0] &&
                           factor.size(1) == shape[1] && factor.numel() == c10::multiply_integers(shape);
  return same_matrix ? factor.reshape(shape) : factor;
}

[[noreturn]] void refuse_shape(const LoraModule& module, const char* part, const Tensor& got,
                               const std::vector<int64_t>& expected) {
  throw DataError("lora", cat("the adapter's ", part, " of '", module.component, ".", module.path,
                              "' does not fit the layer; got ", got.sizes(), "; expected ",
                              at::IntArrayRef(expected), "; was it made for another model?"));
}

const AdapterHandle& slot_of(const LoraModule& module, const std::map<std::string, AdapterHandle>& slots) {
  // transformers 5 dropped the prefix "text_model.", which files keep.
  const std::string prefix = "text_model.";
  const std::string other =
      module.path.starts_with(prefix) ? module.path.substr(prefix.size()) : prefix + module.path;
  for (const std::string& path : {module.path, other}) {
    if (const auto found = slots.find(path); found != slots.end()) {
      return found->second;
    }
  }
  std::vector<std::string> paths;
  for (const auto& [path, slot] : slots) {
    if (flat_path(path) == flat_path(module.path)) {
      return slot;
    }
    paths.push_back(path);
  }
  const std::string near = nearest_name(module.path, paths);
  throw DataError(
      "lora",
      cat("the adapter's layer '", module.component, ".", module.path, "' is not in the model",
          near.empty() ? "" : cat("; the nearest is '", near, "'"), "; was it made for another model?"));
}

Tensor settled(const Tensor& factor, const Tensor& weight) {
  const auto format = factor.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  return factor.to(weight.device(), at::kFloat).contiguous(format);
}

}  // namespace

void LoraConfig::fields(FieldVisitor& v) {
  v.field("rank", rank, between(0, 4096), "rank of the adapters; 0 = train all weights instead");
  v.field("alpha", alpha, at_least(0), "strength: an adapter adds (alpha / rank) B A; 0 = twice the rank");
  v.field("targets", targets, any_value(),
          "layers with an adapter: ends of their paths, as peft's target_modules; [\"all-linear\"] = all "
          "linear ones");
  v.field("target_regex", target_regex, any_value(), "in place of targets: a pattern for whole paths");
  v.field("init", init, one_of({"gaussian", "kaiming"}), "how A starts, as in peft; B starts at zero");
}

std::vector<std::string> match_targets(const LoraConfig& config, const ParamStore& base) {
  const auto& slots = base.adapters();
  if (!config.target_regex.empty()) {
    return match_regex(config.target_regex, slots);
  }
  const bool all_linear = config.targets == std::vector<std::string>{"all-linear"};
  for (const std::string& target : config.targets) {
    if (!all_linear &&
        std::ranges::none_of(slots, [&](const auto& slot) { return takes(target, slot.first); })) {
      refuse_target(target, slots);
    }
  }
  std::vector<std::string> paths;
  for (const auto& [path, slot] : slots) {
    const auto targets_it = [&, &path = path](const std::string& target) { return takes(target, path); };
    if (all_linear ? slot->weight.dim() == 2 : std::ranges::any_of(config.targets, targets_it)) {
      paths.push_back(path);
    }
  }
  if (paths.empty()) {
    throw ConfigError("lora", "lora.targets must name at least one layer; got an empty list");
  }
  return paths;
}

ParamStore attach_lora(ParamStore& base, const LoraConfig& config, uint64_t seed) {
  const std::vector<std::string> paths = match_targets(config, base);
  const at::Device device = base.params().front().tensor.device();
  ParamStore adapter = ParamStore::from_seed(seed, {.device = device, .dtype = at::kFloat});
  for (const std::string& path : paths) {
    AdapterSlot& slot = *base.adapters().at(path);
    const at::IntArrayRef weight = slot.weight.sizes();
    const int64_t fan_in = c10::multiply_integers(weight) / weight[0];
    const Init init =
        config.init == "gaussian" ? Init::normal(1.0 / double(config.rank)) : Init::uniform_fan_in(fan_in);
    const Tensor down = adapter.declare(path + kDown, factor_shape(weight, config.rank, true), init);
    const Tensor up = adapter.declare(path + kUp, factor_shape(weight, config.rank, false), Init::zeros());
    slot.parts.push_back({.down = down, .up = up, .scale = config.effective_alpha() / double(config.rank)});
  }
  return adapter;
}

bool changes_nothing(const std::vector<NamedTensor>& params) {
  for (const NamedTensor& param : params)
    if (param.name.ends_with(kUp) && param.tensor.detach().count_nonzero().item<int64_t>() > 0) return false;
  return true;
}

LoraFile lora_of(const std::vector<NamedTensor>& params, const LoraConfig& config,
                 const std::string& component) {
  LoraFile file{.origin = "lora", .modules = {}};
  for (size_t i = 0; i + 1 < params.size(); i += 2) {
    const std::string path = params[i].name.substr(0, params[i].name.size() - std::string_view(kDown).size());
    GAMUT_CHECK(params[i].name == path + kDown && params[i + 1].name == path + kUp, params[i].name);
    file.modules.push_back({.component = component,
                            .path = path,
                            .down = params[i].tensor.detach().to(at::kCPU),
                            .up = params[i + 1].tensor.detach().to(at::kCPU),
                            .alpha = config.effective_alpha()});
  }
  return file;
}

void attach_modules(ParamStore& base, const std::vector<LoraModule>& modules, double scale) {
  for (const LoraModule& module : modules) {
    AdapterSlot& slot = *slot_of(module, base.adapters());
    const std::vector<int64_t> down_shape = factor_shape(slot.weight.sizes(), module.rank(), true);
    const std::vector<int64_t> up_shape = factor_shape(slot.weight.sizes(), module.rank(), false);
    const Tensor down = fitted(module.down, down_shape), up = fitted(module.up, up_shape);
    if (down.sizes() != at::IntArrayRef(down_shape)) {
      refuse_shape(module, "lora_A", module.down, down_shape);
    }
    if (up.sizes() != at::IntArrayRef(up_shape)) {
      refuse_shape(module, "lora_B", module.up, up_shape);
    }
    slot.parts.push_back({.down = settled(down, slot.weight),
                          .up = settled(up, slot.weight),
                          .scale = scale * module.alpha / double(module.rank())});
  }
}

void merge_adapters(ParamStore& base) {
  at::NoGradGuard no_grad;
  for (const auto& [path, slot] : base.adapters()) {
    if (!slot->parts.empty() && !slot->weight.is_floating_point())
      throw ConfigError(
          "lora", cat("an adapter cannot be merged into weights that are held in int8; got those of '", path,
                      "'; open the model without int8"));
    for (const LowRank& part : slot->parts) {
      slot->weight.copy_(slot->weight.to(at::kFloat) + weight_change(part));
    }
    slot->parts.clear();
  }
}

}  // namespace gamut::nn
