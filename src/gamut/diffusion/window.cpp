// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/window.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"

#include <algorithm>

namespace gamut::diffusion {
namespace {

// Of the steps that windows may cover.
StepRange window_range_of(const SamplerConfig& config) {
  const std::vector<int64_t>& range = config.window_range;
  if (range.empty()) return {.first = 0, .end = config.steps};
  if (range.size() != 2)
    throw ConfigError("sampler",
                      cat("window_range must be [first, end] or []; got ", range.size(), " values"));
  if (range[0] < 0 || range[0] >= range[1] || range[1] > config.steps)
    throw ConfigError("sampler", cat("window_range must lie inside the steps, 0 <= first < end <= ",
                                     config.steps, "; got [", range[0], ", ", range[1], "]"));
  return {.first = range[0], .end = range[1]};
}

// Positions first, first + stride, … then again from the first. "full": up to the window that ends with the
// range, moved back to fit; "cut": every position inside the range, with the steps that are left (MixGRPO's
// code).
StepRange sliding_window(const SamplerConfig& config, const StepRange& range, int64_t iteration) {
  const int64_t stride = config.window - config.window_overlap;
  const bool cut = config.window_end == "cut";
  const int64_t last = cut ? range.end - 1 : range.end - config.window;
  const int64_t positions =
      cut ? (last - range.first) / stride + 1 : (last - range.first + stride - 1) / stride + 1;
  const int64_t position = iteration / config.window_every % positions;
  const int64_t first = std::min(range.first + position * stride, last);
  return {.first = first, .end = std::min(first + config.window, range.end)};
}

}  // namespace

void check_window(const SamplerConfig& config) {
  if (config.window == 0) return;
  if (config.noise_on != "all")
    throw ConfigError("sampler",
                      cat("window and noise_on both say which steps have noise; got window = ", config.window,
                          " and noise_on = \"", config.noise_on, "\"; set window = 0 or noise_on = \"all\""));
  const StepRange range = window_range_of(config);
  if (config.window < 0 || config.window > range.end - range.first)
    throw ConfigError("sampler", cat("window must fit into the steps ", range.first, " to ", range.end - 1,
                                     " (", range.end - range.first, " steps); got ", config.window));
  if (config.window_kind != "sliding") return;
  if (config.window_overlap < 0 || config.window_overlap >= config.window)
    throw ConfigError("sampler", cat("window_overlap must be below window = ", config.window,
                                     ", or the window never moves; got ", config.window_overlap));
  if (config.window_every < 1)
    throw ConfigError("sampler", cat("window_every must be at least 1 iteration; got ", config.window_every));
}

StepRange window_of(const SamplerConfig& config, uint64_t seed, int64_t iteration) {
  const StepRange range = window_range_of(config);
  if (config.window_kind == "sliding") return sliding_window(config, range, iteration);
  int64_t first = range.first;
  if (config.window_kind == "random")
    first += Stream(seed, "window", {iteration}).below(range.end - range.first - config.window + 1);
  else if (config.window_kind != "fixed")
    throw ConfigError(
        "sampler", cat("unknown window_kind '", config.window_kind, "'; expected fixed, random or sliding"));
  return {.first = first, .end = first + config.window};
}

}  // namespace gamut::diffusion
