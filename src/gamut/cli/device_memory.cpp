// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/device_memory.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/nn/cuda.h"

#include <ATen/DeviceAccelerator.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <vector>

namespace gamut::cli {
namespace {

struct Unit {
  const char* name;
  double bytes;
};
constexpr Unit kUnits[] = {{"", 1},      {"B", 1},        {"KB", 1e3},     {"MB", 1e6},     {"GB", 1e9},
                           {"TB", 1e12}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};

// The number behind `key` in lines of "key: number" or "key number".
std::optional<int64_t> number_at(const std::filesystem::path& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name;
    int64_t value = 0;
    if (words >> name >> value && name == key) return value;
  }
  return std::nullopt;
}

// A file that is one number; "max" stands for none.
std::optional<int64_t> number_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  int64_t value = 0;
  if (in >> value) return value;
  return std::nullopt;
}

// What a control group, version 2 or 1, has left; pages of files that it would give back count as left.
std::optional<int64_t> group_memory(const std::filesystem::path& root) {
  const std::filesystem::path v2 = root / "sys/fs/cgroup", v1 = v2 / "memory";
  const auto left = [](std::optional<int64_t> limit, std::optional<int64_t> used,
                       std::optional<int64_t> files) -> std::optional<int64_t> {
    if (!limit || !used) return std::nullopt;
    return std::max<int64_t>(0, *limit - *used + files.value_or(0));
  };
  if (const auto found = left(number_in(v2 / "memory.max"), number_in(v2 / "memory.current"),
                              number_at(v2 / "memory.stat", "inactive_file")))
    return found;
  return left(number_in(v1 / "memory.limit_in_bytes"), number_in(v1 / "memory.usage_in_bytes"),
              number_at(v1 / "memory.stat", "total_inactive_file"));
}

}  // namespace

int64_t parse_size(const std::string& text) {
  double number = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(stopped, text.data() + text.size());
  std::erase(unit, ' ');
  if (error == std::errc() && number > 0)
    for (const Unit& known : kUnits)
      if (unit == known.name && number * known.bytes < 0x1p62) return int64_t(number * known.bytes);
  throw ConfigError("usage", cat("a size is a number with a unit; got '", printable(text),
                                 "'; expected something like 24GiB, 24GB or 800MiB"));
}

std::optional<DeviceMemory> cpu_memory(const std::filesystem::path& root) {
  std::optional<DeviceMemory> found;
  if (const auto kilobytes = number_at(root / "proc/meminfo", "MemAvailable:"))
    found = DeviceMemory{*kilobytes * 1024, "available memory"};
  const auto group = group_memory(root);
  if (group && (!found || *group < found->bytes)) found = DeviceMemory{*group, "the control group's limit"};
  return found;
}

std::optional<DeviceMemory> device_memory(const std::string& device) {
  if (device == "cpu") return cpu_memory();
  if (!nn::open_cuda().empty()) return std::nullopt;
  return DeviceMemory{int64_t(at::accelerator::getMemoryInfo(0).second), "CUDA device 0"};
}

}  // namespace gamut::cli
