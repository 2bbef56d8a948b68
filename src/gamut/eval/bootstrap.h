// SPDX-License-Identifier: Apache-2.0
// Confidence intervals for a statistic of a few training seeds; docs/frontier.md measures how often they
// hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace gamut::eval {

// Which seeds count, by position; a position may occur several times.
using Positions = std::span<const size_t>;
using SeedStatistic = std::function<double(Positions method, Positions baseline)>;

struct Estimate {
  double value = 0;                           // of all seeds
  std::optional<double> low = {}, high = {};  // absent with fewer than two seeds of either
};

struct BootstrapOptions {
  double confidence = 0.95;  // in (0, 1)
  int64_t resamples = 2000;
  uint64_t seed = 0;  // names the stream "frontier.bootstrap"
};

// From this many seeds on the bootstrap-t interval is used (Efron and Tibshirani 1993, section 12.5, with the
// jackknife's standard error). Fewer seeds have too few resamples: Student's t around the jackknife's
// standard error.
constexpr size_t kBootstrapSeeds = 5;

// `paired` resamples the same positions of both (counts must be equal); otherwise each on its own.
Estimate seed_interval(const SeedStatistic& statistic, size_t method_seeds, size_t baseline_seeds,
                       bool paired, const BootstrapOptions& options);

// Standard error by leaving out one seed after another. At least two seeds of each.
double jackknife_error(const SeedStatistic& statistic, Positions method, Positions baseline, bool paired);

// The value that Student's t with `freedom` >= 1 degrees of freedom exceeds with probability `tail` in (0,
// 0.5). Abramowitz and Stegun 26.7.3 and 26.7.4.
double student_quantile(int64_t freedom, double tail);

}  // namespace gamut::eval
