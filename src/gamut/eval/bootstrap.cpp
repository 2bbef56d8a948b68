// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/bootstrap.h"

#include "gamut/core/error.h"
#include "gamut/core/random.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

namespace gamut::eval {
namespace {

std::vector<size_t> all_of(size_t count) {
  std::vector<size_t> positions(count);
  std::iota(positions.begin(), positions.end(), size_t{0});
  return positions;
}

std::vector<size_t> without(Positions from, size_t left_out) {
  std::vector<size_t> rest(from.begin(), from.end());
  rest.erase(rest.begin() + std::ptrdiff_t(left_out));
  return rest;
}

std::vector<size_t> drawn(Stream& stream, size_t count) {
  std::vector<size_t> positions(count);
  for (size_t& position : positions) position = size_t(stream.below(int64_t(count)));
  return positions;
}

// (n - 1) / n times the sum of squared deviations of the leave-one-out values.
double jackknife_variance(const std::vector<double>& values) {
  const double n = double(values.size()), mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return (n - 1) / n * squares;
}

// Linear between order statistics.
double quantile(const std::vector<double>& sorted, double p) {
  const double place = p * double(sorted.size() - 1);
  const size_t below = size_t(place), above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - double(below)) * (sorted[above] - sorted[below]);
}

// (value of the resample - value) / its standard error, for each resample that has one; sorted.
std::vector<double> studentized(const SeedStatistic& statistic, size_t method_seeds, size_t baseline_seeds,
                                bool paired, double value, const BootstrapOptions& options) {
  std::vector<double> out;
  for (int64_t b = 0; b < options.resamples; ++b) {
    Stream stream(options.seed, "frontier.bootstrap", {b});
    const std::vector<size_t> method = drawn(stream, method_seeds),
                              baseline = paired ? method : drawn(stream, baseline_seeds);
    const double error = jackknife_error(statistic, method, baseline, paired);
    const double t = (statistic(method, baseline) - value) / error;
    if (error > 0 && std::isfinite(t)) out.push_back(t);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// P(|T| <= t).
double student_within(int64_t freedom, double t) {
  const double angle = std::atan(t / std::sqrt(double(freedom))), cosine = std::cos(angle);
  const bool odd = freedom % 2 == 1;
  double term = odd ? cosine : 1, sum = freedom == 1 ? 0 : term;
  for (int64_t k = odd ? 2 : 1; k <= freedom - 3; k += 2) {
    term *= double(k) / double(k + 1) * cosine * cosine;
    sum += term;
  }
  const double within = std::sin(angle) * sum;
  return odd ? 2 / std::numbers::pi * (angle + within) : within;
}

}  // namespace

double student_quantile(int64_t freedom, double tail) {
  GAMUT_CHECK(freedom >= 1 && tail > 0 && tail < 0.5, "freedom ", freedom, ", tail ", tail);
  double low = 0, high = 1;
  while (student_within(freedom, high) < 1 - 2 * tail) high *= 2;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (student_within(freedom, middle) < 1 - 2 * tail ? low : high) = middle;
  }
  return high;
}

double jackknife_error(const SeedStatistic& statistic, Positions method, Positions baseline, bool paired) {
  std::vector<double> first, second;
  for (size_t i = 0; i < method.size(); ++i) {
    const std::vector<size_t> rest = without(method, i);
    first.push_back(paired ? statistic(rest, without(baseline, i)) : statistic(rest, baseline));
  }
  if (paired) return std::sqrt(jackknife_variance(first));
  for (size_t i = 0; i < baseline.size(); ++i) second.push_back(statistic(method, without(baseline, i)));
  return std::sqrt(jackknife_variance(first) + jackknife_variance(second));
}

Estimate seed_interval(const SeedStatistic& statistic, size_t method_seeds, size_t baseline_seeds,
                       bool paired, const BootstrapOptions& options) {
  GAMUT_CHECK(!paired || method_seeds == baseline_seeds, method_seeds, " and ", baseline_seeds,
              " paired seeds");
  const std::vector<size_t> method = all_of(method_seeds), baseline = all_of(baseline_seeds);
  Estimate out{.value = statistic(method, baseline)};
  const size_t seeds = std::min(method_seeds, baseline_seeds);
  if (seeds < 2) return out;
  const double tail = (1 - options.confidence) / 2,
               error = jackknife_error(statistic, method, baseline, paired);
  double below = student_quantile(int64_t(seeds) - 1, tail), above = below;
  if (seeds >= kBootstrapSeeds) {
    const std::vector<double> t =
        studentized(statistic, method_seeds, baseline_seeds, paired, out.value, options);
    if (!t.empty()) {
      below = quantile(t, 1 - tail);
      above = -quantile(t, tail);
    }
  }
  out.low = out.value - below * error;
  out.high = out.value + above * error;
  return out;
}

}  // namespace gamut::eval
