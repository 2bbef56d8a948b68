// SPDX-License-Identifier: Apache-2.0
#include "gamut/diffusion/sigma_grid.h"

#include "gamut/core/error.h"

#include <cmath>

namespace gamut::diffusion {
namespace {

constexpr double kTrainTimesteps = 1000;

double shifted(double u, double s) { return s * u / (1 + (s - 1) * u); }

// `count` values from first to last, both included.
std::vector<double> linspace(double first, double last, int64_t count) {
  std::vector<double> values(static_cast<size_t>(count), first);
  for (int64_t i = 1; i < count; ++i)
    values[size_t(i)] = first + (last - first) * double(i) / double(count - 1);
  return values;
}

// A grid whose last step is an appended 0. Every map sends 1 to 1, but not after rounding, and the SDE knows
// its first step by sigma == 1.
template <class Map>
std::vector<double> mapped_then_zero(std::vector<double> values, Map map) {
  for (double& value : values) value = map(value);
  values.front() = 1.0;
  values.push_back(0.0);
  return values;
}

}  // namespace

const std::vector<std::string>& sigma_grid_kinds() {
  static const std::vector<std::string> kinds{"sd3_diffusers", "linspace_shift", "flux_dynamic", "dance",
                                              "linear"};
  return kinds;
}

std::vector<double> make_sigmas(const SigmaGrid& grid) {
  GAMUT_CHECK(grid.steps >= 1 && grid.shift > 0, "steps = ", grid.steps, ", shift = ", grid.shift);
  const int64_t n = grid.steps;
  const double s = grid.shift;
  auto shift = [s](double u) { return shifted(u, s); };
  // diffusers shifts its training table, takes the table's end points, and shifts the grid between them
  // again.
  if (grid.kind == "sd3_diffusers")
    return mapped_then_zero(linspace(1.0, shifted(1 / kTrainTimesteps, s), n), shift);
  if (grid.kind == "linspace_shift") return mapped_then_zero(linspace(1.0, 1.0 / double(n), n), shift);
  if (grid.kind == "flux_dynamic")
    return mapped_then_zero(linspace(1.0, 1.0 / double(n), n),
                            [mu = grid.mu](double u) { return std::exp(mu) / (std::exp(mu) + 1 / u - 1); });
  if (grid.kind == "dance" || grid.kind == "linear") {
    std::vector<double> values = linspace(1.0, 0.0, n + 1);
    if (grid.kind == "dance")
      for (double& value : values) value = shift(value);
    values.front() = 1.0;
    values.back() = 0.0;
    return values;
  }
  throw ConfigError("sampler", cat("unknown grid '", grid.kind, "'"));
}

}  // namespace gamut::diffusion
