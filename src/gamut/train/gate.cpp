// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/gate.h"

#include "gamut/train/gate_rewards.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace gamut::train {
namespace {

// A picture that a reward could not score ranks last in it.
std::vector<double> finite_or_worst(std::vector<double> values) {
  for (double& value : values)
    if (!std::isfinite(value)) value = std::numeric_limits<double>::lowest();
  return values;
}

}  // namespace

Gate::Gate(const TrainConfig& config) : gate_(config.slots.regularizer) {
  const algorithms::RegularizerConfig& regularizer = config.slots.regularizer;
  if (!regularizer.is_on() || regularizer.kind != "gated_kl") return;
  auxiliaries_ = make_gate_rewards(config);
}

void Gate::check_prompts(const std::vector<text::Prompt>& prompts, const std::string& file) const {
  for (const auto& reward : auxiliaries_) rewards::check_prompts(*reward, "gate", prompts, file);
}

std::vector<std::vector<double>> Gate::score(const at::Tensor& pictures,
                                             const std::vector<text::Prompt>& prompts) {
  std::vector<std::vector<double>> scores;
  for (const auto& reward : auxiliaries_)
    scores.push_back(finite_or_worst(rewards::score_checked(*reward, pictures, prompts).value));
  return scores;
}

std::vector<uint8_t> Gate::open(const rewards::Scores& main,
                                const std::vector<std::vector<double>>& auxiliaries) {
  if (auxiliaries_.empty()) return std::vector<uint8_t>(main.value.size(), 1);
  return gate_.open(finite_or_worst(main.value), auxiliaries);
}

nlohmann::json Gate::state() const { return gate_.state(); }

void Gate::load_state(const nlohmann::json& state) { gate_.load_state(state); }

}  // namespace gamut::train
