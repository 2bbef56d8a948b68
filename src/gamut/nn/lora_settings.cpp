// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/lora_settings.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/files.h"

#include <ATen/ATen.h>

#include <cmath>
#include <regex>

namespace gamut::nn {
namespace {

double number_of(const LoraJson& settings, const std::string& key, double absent, const std::string& origin) {
  if (!settings.contains(key) || settings[key].is_null()) {
    return absent;
  }
  if (!settings[key].is_number() || !std::isfinite(settings[key].get<double>())) {
    throw DataError(origin, cat("'", key, "' of the adapter's configuration must be a number; got ",
                                io::brief(settings[key])));
  }
  return settings[key].get<double>();
}

bool flag_of(const LoraJson& settings, const std::string& key) {
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
double by_pattern(const LoraJson& settings, const std::string& key, const std::string& path, double otherwise,
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

}  // namespace

LoraJson ordered_json(const std::string& text, const std::string& name) {
  io::parse_json(text, name);
  return LoraJson::parse(text);
}

void check_lora_settings(const LoraJson& settings, const std::string& origin) {
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

LoraSettings lora_settings_of_header(const std::map<std::string, std::string>& metadata,
                                     const std::string& origin) {
  LoraSettings settings;
  const auto found = metadata.find("lora_adapter_metadata");
  if (found == metadata.end()) {
    return settings;
  }
  const LoraJson packed = ordered_json(found->second, origin + " (lora_adapter_metadata)");
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

const LoraJson* find_lora_settings(const LoraSettings& settings, const std::string& component) {
  for (const std::string& name : {component, std::string()}) {
    if (const auto found = settings.find(name); found != settings.end()) {
      return &found->second;
    }
  }
  return nullptr;
}

double configured_alpha(const LoraJson& settings, const Tensor& down, const std::string& down_key,
                        const std::string& path, const std::string& origin) {
  const double rank = double(down.size(0));
  const double expected =
      by_pattern(settings, "rank_pattern", path, number_of(settings, "r", rank, origin), origin);
  if (expected != rank) {
    throw DataError(origin, cat("tensor '", down_key, "' has another rank than the configuration says; got ",
                                down.sizes(), "; expected rank ", expected));
  }
  const double alpha =
      by_pattern(settings, "alpha_pattern", path, number_of(settings, "lora_alpha", 8, origin), origin);
  return flag_of(settings, "use_rslora") ? alpha * std::sqrt(rank) : alpha;
}

}  // namespace gamut::nn
