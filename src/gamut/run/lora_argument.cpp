// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/lora_argument.h"

#include "gamut/core/error.h"
#include "gamut/run/run_argument.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>

namespace gamut::run {

LoraArgument parse_lora_argument(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || std::filesystem::exists(text)) return {.path = text};
  const std::string number = text.substr(colon + 1);
  char* end = nullptr;
  const double scale = std::strtod(number.c_str(), &end);
  if (number.empty() || *end != '\0' || !std::isfinite(scale))
    throw ConfigError("usage", cat("--lora takes FILE or FILE:scale; got '", text, "'; '", number,
                                   "' is no number, and no file has the whole name"));
  return {.path = text.substr(0, colon), .scale = scale};
}

std::filesystem::path adapter_path(const std::string& name) {
  const std::filesystem::path path = name;
  return is_run(path) ? path / "model" : path;
}

void add_loras(models::Pipeline& pipe, const std::vector<std::string>& arguments) {
  for (const std::string& text : arguments) {
    const LoraArgument argument = parse_lora_argument(text);
    pipe.add_lora(nn::load_lora(adapter_path(argument.path)), argument.scale);
  }
}

}  // namespace gamut::run
