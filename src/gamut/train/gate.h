// SPDX-License-Identifier: Apache-2.0
// Which pictures the regularizer acts on: all, or with gated_kl (GARDO) those whose reward disagrees with
// auxiliary ones.
#pragma once

#include "gamut/algorithms/uncertainty_gate.h"
#include "gamut/rewards/reward.h"
#include "gamut/text/prompt_set.h"
#include "gamut/train/config.h"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>
#include <vector>

namespace gamut::train {

class Gate {
 public:
  // Opens the gate's rewards. ConfigError when gated_kl names none.
  explicit Gate(const TrainConfig& config);
  // DataError when the gate's rewards cannot score a prompt; `file`: where it stands.
  void check_prompts(const std::vector<text::Prompt>& prompts, const std::string& file) const;

  // What each auxiliary reward says of the pictures; a picture that it could not score ranks last.
  std::vector<std::vector<double>> score(const at::Tensor& pictures,
                                         const std::vector<text::Prompt>& prompts);
  // One mark per row drawn; all 1 without a gate. Scores of all rows.
  std::vector<uint8_t> open(const rewards::Scores& main, const std::vector<std::vector<double>>& auxiliaries);
  double share() const { return gate_.share(); }
  nlohmann::json state() const;
  void load_state(const nlohmann::json& state);

 private:
  std::vector<std::unique_ptr<rewards::Reward>> auxiliaries_;
  algorithms::UncertaintyGate gate_;
};

}  // namespace gamut::train
