// SPDX-License-Identifier: Apache-2.0
// What an adapter's file or folder says beside its tensors: peft's LoraConfig. Used by lora_read.cpp.
#pragma once

#include "gamut/nn/params.h"

#include <nlohmann/json.hpp>

#include <map>
#include <string>

namespace gamut::nn {

using LoraJson = nlohmann::ordered_json;               // the order of patterns counts
using LoraSettings = std::map<std::string, LoraJson>;  // component ("" = all) to peft's LoraConfig

// Strictly as every other JSON file, then again for the order.
LoraJson ordered_json(const std::string& text, const std::string& name);
// From a header's metadata: "unet.r": 4 -> {"unet": {"r": 4}}; empty where there are none.
LoraSettings lora_settings_of_header(const std::map<std::string, std::string>& metadata,
                                     const std::string& origin);
// DataError for another kind of adapter than plain LoRA.
void check_lora_settings(const LoraJson& settings, const std::string& origin);
// Of the component, else of all; nullptr without any.
const LoraJson* find_lora_settings(const LoraSettings& settings, const std::string& component);

// peft's scaling times the rank, of the layer `path` with the given A ([r, in…]). A rank that contradicts the
// configuration would change the scale in silence: DataError.
double configured_alpha(const LoraJson& settings, const Tensor& down, const std::string& down_key,
                        const std::string& path, const std::string& origin);

}  // namespace gamut::nn
