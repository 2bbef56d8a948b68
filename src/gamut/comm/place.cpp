// SPDX-License-Identifier: Apache-2.0
#include "gamut/comm/place.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace gamut::comm {
namespace {

int64_t number(const Environment& variable, const char* name, int64_t largest) {
  const char* text = variable(name);
  int64_t value = -1;
  const char* end = text == nullptr ? nullptr : text + std::strlen(text);
  if (text == nullptr || *text == '\0')
    throw ConfigError("comm", cat("WORLD_SIZE says that several processes train together, and ", name,
                                  " is not set; start them by torchrun, or export it"));
  const auto [stopped, error] = std::from_chars(text, end, value);
  if (error != std::errc() || stopped != end || value < 0 || value > largest)
    throw ConfigError("comm", cat("the variable ", name, " must be a number from 0 to ", largest, "; got '",
                                  printable(text), "'"));
  return value;
}

bool is_set(const Environment& variable, const char* name) {
  const char* text = variable(name);
  return text != nullptr && *text != '\0';
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    if (end > begin) parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

Place place_in(const Environment& variable) {
  Place out;
  constexpr int64_t kMost = 1 << 20;
  if (!is_set(variable, "WORLD_SIZE")) return out;
  out.size = number(variable, "WORLD_SIZE", kMost);
  if (out.size == 0) throw ConfigError("comm", "the variable WORLD_SIZE must be 1 or more; got 0");
  if (out.size == 1) return out;
  out.rank = number(variable, "RANK", kMost);
  if (out.rank >= out.size)
    throw ConfigError(
        "comm", cat("RANK counts from 0 and must be below WORLD_SIZE; got ", out.rank, " of ", out.size));
  out.local_rank = is_set(variable, "LOCAL_RANK") ? number(variable, "LOCAL_RANK", kMost) : 0;
  if (!is_set(variable, "MASTER_ADDR"))
    throw ConfigError(
        "comm",
        "WORLD_SIZE says that several processes train together, and MASTER_ADDR is not set; start "
        "them by torchrun, or export the name of the machine of rank 0");
  out.address = variable("MASTER_ADDR");
  out.port = number(variable, "MASTER_PORT", 65535);
  const char* keeps = variable("TORCHELASTIC_USE_AGENT_STORE");
  out.launcher_keeps_store = keeps != nullptr && std::string(keeps) == "True";
  if (is_set(variable, "TORCHELASTIC_RESTART_COUNT"))
    out.attempt = number(variable, "TORCHELASTIC_RESTART_COUNT", kMost);
  return out;
}

Place place() {
  return place_in([](const char* name) { return std::getenv(name); });
}

std::string own_gpu(const Place& place, const char* visible) {
  if (!place.is_group()) return "";
  if (visible == nullptr) return std::to_string(place.local_rank);
  const std::vector<std::string> gpus = split(visible);
  if (gpus.size() < 2) return "";
  if (size_t(place.local_rank) >= gpus.size())
    throw ConfigError("comm", cat("each process of a machine takes a GPU of its own; got LOCAL_RANK ",
                                  place.local_rank, " and ", gpus.size(),
                                  " GPUs in CUDA_VISIBLE_DEVICES; start fewer processes, or name "
                                  "one GPU for all to share"));
  return gpus[size_t(place.local_rank)];
}

}  // namespace gamut::comm
