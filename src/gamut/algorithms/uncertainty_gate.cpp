// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/uncertainty_gate.h"

#include "gamut/core/error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace gamut::algorithms {
namespace {

constexpr double kLeastShare = 0.02, kMostShare = 0.20;
constexpr size_t kRemembered = 20;

// NumPy's default: linear between the order statistics. `values` ascending, not empty; percent in [0, 100].
double percentile(const std::vector<double>& values, double percent) {
  const double at = percent / 100 * double(values.size() - 1);
  const size_t below = std::min(size_t(at), values.size() - 1),
               above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - double(below)) * (values[above] - values[below]);
}

// How much worse (in ranks) the main reward places a picture than the auxiliaries do.
std::vector<double> disagreement(const std::vector<double>& main,
                                 const std::vector<std::vector<double>>& auxiliaries) {
  std::vector<double> u = descending_ranks(main);
  for (const std::vector<double>& auxiliary : auxiliaries) {
    GAMUT_CHECK(auxiliary.size() == main.size(), auxiliary.size(), " of ", main.size(), " rewards");
    const std::vector<double> ranks = descending_ranks(auxiliary);
    for (size_t j = 0; j < u.size(); ++j) u[j] -= ranks[j] / double(auxiliaries.size());
  }
  return u;
}

}  // namespace

std::vector<double> descending_ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] > values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t place = 0; place < order.size(); ++place) ranks[order[place]] = double(place + 1);
  return ranks;
}

UncertaintyGate::UncertaintyGate(const RegularizerConfig& config)
    : as_described_(config.gate_sign == "as_described"), share_(config.gate_share) {}

std::vector<uint8_t> UncertaintyGate::open(const std::vector<double>& main,
                                           const std::vector<std::vector<double>>& auxiliaries) {
  GAMUT_CHECK(!auxiliaries.empty(), "no auxiliary reward");
  std::vector<double> u = disagreement(main, auxiliaries);
  if (as_described_)
    for (double& value : u) value = -value;
  std::vector<double> suspicious;
  for (const double value : u)
    if (value >= 0) suspicious.push_back(value);
  std::vector<uint8_t> gate(u.size(), 0);
  if (suspicious.empty()) return gate;

  adapt(std::accumulate(suspicious.begin(), suspicious.end(), 0.0) / double(suspicious.size()));
  std::sort(suspicious.begin(), suspicious.end());
  const double threshold = percentile(suspicious, 100 * (1 - share_));
  for (size_t j = 0; j < u.size(); ++j) gate[j] = u[j] > threshold;
  return gate;
}

void UncertaintyGate::adapt(double mean) {
  if (!history_.empty()) {
    const auto [least, most] = std::minmax_element(history_.begin(), history_.end());
    if (mean > *most) share_ *= 1.1;
    if (mean < *least) share_ *= 0.9;
    share_ = std::clamp(share_, kLeastShare, kMostShare);
  }
  history_.push_back(mean);
  if (history_.size() > kRemembered) history_.erase(history_.begin());
}

nlohmann::json UncertaintyGate::state() const { return {{"share", share_}, {"history", history_}}; }

void UncertaintyGate::load_state(const nlohmann::json& state) {
  share_ = state.at("share").get<double>();
  history_ = state.at("history").get<std::vector<double>>();
  const bool finite =
      std::all_of(history_.begin(), history_.end(), [](double mean) { return std::isfinite(mean); });
  if (!(share_ > 0 && share_ <= 1) || !finite || history_.size() > kRemembered)
    throw DataError("gate", cat("a gate's state is a share in 0..1 and up to ", kRemembered,
                                " finite means; got the share ", share_, " and ", history_.size(), " means"));
}

bool reference_is_due(const RegularizerConfig& config, double kl, int64_t iterations_since_reset) {
  return kl > config.reset_kl || iterations_since_reset > config.reset_epochs;
}

}  // namespace gamut::algorithms
