// SPDX-License-Identifier: Apache-2.0
// The argument FILE[:scale] of --lora.
#pragma once

#include "gamut/models/pipeline.h"

#include <filesystem>
#include <string>
#include <vector>

namespace gamut::run {

struct LoraArgument {
  std::string path;
  double scale = 1;
};

// What follows the last colon is the scale if it is a number; a path that exists as written has none.
LoraArgument parse_lora_argument(const std::string& text);
// A file or folder as it is, or the adapter that a run left.
std::filesystem::path adapter_path(const std::string& name);
// Loads each argument's adapter into the pipeline.
void add_loras(models::Pipeline& pipe, const std::vector<std::string>& arguments);

}  // namespace gamut::run
