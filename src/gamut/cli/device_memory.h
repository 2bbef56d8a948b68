// SPDX-License-Identifier: Apache-2.0
// How much memory a device has for a run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace gamut::cli {

struct DeviceMemory {
  int64_t bytes = 0;
  std::string source;  // "given" | "CUDA device 0" | "available memory" | "the control group's limit"
};

// "24GiB", "7.5 GB", "800MiB", "25769803776": binary units with an i, decimal ones without. ConfigError
// otherwise.
int64_t parse_size(const std::string& text);

// CPU: what the system calls available, or what the control group of this process has left if that is less.
// `root` is where /proc and /sys lie. std::nullopt where neither can be read.
std::optional<DeviceMemory> cpu_memory(const std::filesystem::path& root = "/");

// Of "cpu" as above or "cuda" in all, whoever uses it; std::nullopt where there is no such device.
std::optional<DeviceMemory> device_memory(const std::string& device);

}  // namespace gamut::cli
