// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/shaping.h"
#include "gamut/core/error.h"
#include "gamut/core/names.h"

#include <charconv>
#include <cmath>
#include <optional>

namespace gamut::algorithms {
namespace {

template <class T>
std::optional<T> number_in(const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

void ShapingConfig::fields(FieldVisitor& v) {
  v.field("kind", kind, one_of({"none", "cluster_bonus", "pairwise_potential", "mmd"}),
          "what is added to the task reward for variety");
  v.field("beta", beta, at_least(0), "cluster_bonus: factor of the bonus E");
  v.field("quality_scale", quality_scale, above(0),
          "cluster_bonus, combine = raw: factor of the task reward");
  v.field("combine", combine, one_of({"raw", "zscore"}),
          "cluster_bonus: Q scale + beta E, or both z-scored first");
  v.field("bonus_form", bonus_form, one_of({"sqrt", "inv", "log", "inv_n"}),
          "cluster_bonus: sqrt(N/n), N/n, ln(N/n) or 1/n of a cluster of n members");
  v.field("clusters", clusters, Rule{.min = 1, .choices = {"eigengap"}},
          "cluster_bonus: \"eigengap\", or the number of clusters");
  v.field("sigma", sigma, Rule{.min = 0, .min_open = true, .choices = {"quantile", "median", "self_tuning"}},
          "width of the kernel on distances: a quantile of them, per member, or a number");
  v.field("sigma_q", sigma_q, between(0, 1), "sigma = quantile: of the distances between two members");
  v.field("weight", weight, at_least(0), "pairwise_potential, mmd: lambda, factor of what is added");
  v.field("scope", scope, one_of({"group", "batch"}),
          "mmd: pictures that are compared with the base's: a prompt's that train, or all that the iteration "
          "drew, each less the base's mean of its prompt");
  v.field("width", width, above(0), "mmd: of the kernel, in units of the base's median distance");
  v.field("gamma", gamma, between(0, 1), "pairwise_potential: discount per denoising step");
  v.field("diversity", diversity, one_of({"mean", "nn", "vendi_loo"}),
          "pairwise_potential: mean distance, distance to the nearest, or Vendi gained by the member");
  v.field("norm_r", norm_r, one_of({"none", "zscore"}),
          "pairwise_potential, mmd: the task reward within the group");
  v.field("norm_d", norm_d, one_of({"none", "minmax"}), "pairwise_potential: the diversity within the group");
  v.field("d_max", d_max, above(0), "pairwise_potential: clip of the normalized diversity; inf: none");
  v.field("potential", potential, one_of({"terminal", "per_step_x0"}),
          "of the finished picture, or of each step's predicted clean picture");
  v.field("gate", gate, one_of({"none", "above_mean"}), "which members receive the bonus");
  v.field("decay", decay, one_of({"none", "linear", "cosine"}), "of beta or weight over the run");
  features.fields(v, "what distances between pictures are taken on");
}

bool ShapingConfig::needs_distances() const { return kind != "none"; }

diversity::SpectralOptions ShapingConfig::spectral() const {
  diversity::SpectralOptions options;
  options.sigma_q = sigma_q;
  if (clusters != "eigengap") {
    const std::optional<int64_t> count = number_in<int64_t>(clusters);
    if (!count || *count < 1)
      throw ConfigError("shaping", cat("clusters must be \"eigengap\" or an integer from 1; got '",
                                       printable(clusters), "'"));
    options.clusters = *count;
  }
  if (sigma == "quantile" || sigma == "median" || sigma == "self_tuning") {
    options.sigma = sigma;
    return options;
  }
  const std::optional<double> width = number_in<double>(sigma);
  if (!width || !std::isfinite(*width) || *width <= 0)
    throw ConfigError("shaping",
                      cat("sigma must be \"quantile\", \"median\", \"self_tuning\" or a number > 0; got '",
                          printable(sigma), "'"));
  options.sigma = "fixed";
  options.sigma_value = *width;
  return options;
}

}  // namespace gamut::algorithms
