// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/frontier.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace gamut::eval {
namespace {

using Field = double Checkpoint::*;

const Checkpoint* best(const Curve& curve, Field held, Field wanted, double level, double budget) {
  const Checkpoint* found = nullptr;
  auto rank = [&](const Checkpoint& c) { return std::tuple(c.*wanted, c.*held, -c.step); };
  for (const Checkpoint& candidate : curve.checkpoints) {
    if (!(candidate.*held >= level)) continue;
    if (budget < kNoBudget && !(candidate.seconds <= budget)) continue;
    if (!found || rank(candidate) > rank(*found)) found = &candidate;
  }
  return found;
}

// Reaches `other` in both and exceeds it in one, or equals it and is earlier.
bool beats(const Checkpoint& one, const Checkpoint& other) {
  if (one.select_x < other.select_x || one.select_y < other.select_y) return false;
  return one.select_x > other.select_x || one.select_y > other.select_y || one.step < other.step;
}

Checkpoint between(const Checkpoint& from, const Checkpoint& to, double share) {
  Checkpoint point{.step = from.step + int64_t(double(to.step - from.step) * share)};
  for (const Field field : {&Checkpoint::seconds, &Checkpoint::select_x, &Checkpoint::select_y,
                            &Checkpoint::report_x, &Checkpoint::report_y})
    point.*field = from.*field + (to.*field - from.*field) * share;
  return point;
}

}  // namespace

Method interpolated(const Method& method, int64_t points) {
  Method out{.name = method.name};
  for (const Curve& run : method.runs) {
    Curve& dense = out.runs.emplace_back(Curve{.seed = run.seed});
    for (size_t i = 0; i < run.checkpoints.size(); ++i) {
      for (int64_t p = 1; i > 0 && p <= points; ++p)
        dense.checkpoints.push_back(
            between(run.checkpoints[i - 1], run.checkpoints[i], double(p) / double(points + 1)));
      dense.checkpoints.push_back(run.checkpoints[i]);
    }
  }
  return out;
}

std::optional<Checkpoint> attained(const Curve& curve, double level, double budget) {
  Curve points{.seed = curve.seed, .checkpoints = curve.checkpoints};
  for (size_t i = 1; i < curve.checkpoints.size(); ++i) {
    const Checkpoint &from = curve.checkpoints[i - 1], &to = curve.checkpoints[i];
    const auto meet = [&](Field field, double value) {
      if ((from.*field < value) == (to.*field < value) || !std::isfinite(value)) return;
      Checkpoint point = between(from, to, (value - from.*field) / (to.*field - from.*field));
      point.*field = value;  // whatever rounding left
      points.checkpoints.push_back(point);
    };
    meet(&Checkpoint::select_x, level);
    meet(&Checkpoint::seconds, budget);
  }
  const Checkpoint* found = best_y(points, level, budget);
  return found ? std::optional(*found) : std::nullopt;
}

const Checkpoint* best_y(const Curve& curve, double level, double budget) {
  return best(curve, &Checkpoint::select_x, &Checkpoint::select_y, level, budget);
}

const Checkpoint* best_x(const Curve& curve, double level, double budget) {
  return best(curve, &Checkpoint::select_y, &Checkpoint::select_x, level, budget);
}

std::vector<size_t> pareto(const Curve& curve) {
  std::vector<size_t> kept;
  for (size_t i = 0; i < curve.checkpoints.size(); ++i)
    if (std::none_of(curve.checkpoints.begin(), curve.checkpoints.end(),
                     [&](const Checkpoint& other) { return beats(other, curve.checkpoints[i]); }))
      kept.push_back(i);
  std::sort(kept.begin(), kept.end(), [&](size_t a, size_t b) {
    return curve.checkpoints[a].select_x < curve.checkpoints[b].select_x;
  });
  return kept;
}

}  // namespace gamut::eval
