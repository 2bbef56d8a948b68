// SPDX-License-Identifier: Apache-2.0
// What of a trainer outlives it: checkpoints and the tuned model. All processes call these alike; rank 0
// writes.
#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/core/names.h"
#include "gamut/nn/kernels/cpu_path.h"
#include "gamut/train/shared.h"
#include "gamut/train/trainer.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::train {
namespace {

// Empty: an older checkpoint, which does not say.
void warn_of_another_cpu_path(const std::string& before) {
  const std::string_view now = nn::cpu_path_name(nn::cpu_path());
  if (before.empty() || before == now) return;
  log_warning(cat("the checkpoint was written on CPU path ", printable(before), ", this is ", now,
                  ": what follows is not bit for bit what it would have been there"));
}

}  // namespace

void Trainer::save_model(const std::filesystem::path& folder) {
  const std::vector<nn::NamedTensor> weights = ema_weights();
  if (!group_.leads()) return;
  if (config_.lora.is_on()) {
    warn_of_base(nn::changes_nothing(weights));
    const nn::LoraFile adapter = nn::lora_of(weights, config_.lora, policy_.denoiser_name());
    return nn::save_lora(folder, adapter, nn::LoraFormat::kDiffusers);
  }
  const BorrowedWeights average(params_, weights);
  warn_of_base(policy_.denoiser_is_stored());
  policy_.save(folder);
}

void Trainer::warn_of_base(bool unchanged) const {
  if (!unchanged) return;
  const std::string why =
      updates_done_ == 0
          ? "no update was made: zero_std_ratio, reward_failures and skipped of metrics.jsonl say why"
          : "the updates changed no weight; raise optimizer.learning_rate";
  log_warning(cat("the saved ",
                  config_.lora.is_on() ? "adapter is all zeros, which is the base" : "model equals the base",
                  "; ", why));
}

void Trainer::save(const std::filesystem::path& run) {
  for (const nn::NamedTensor& param : params_)
    if (!std::isfinite(param.tensor.detach().sum(at::kDouble).item<double>()))
      throw NumericalError("train",
                           cat("the weights are not finite after step ", steps_done_, " ('", param.name,
                               "'): training diverged; lower optimizer.learning_rate; earlier checkpoints "
                               "are intact"));
  save_checkpoint(run, steps_done_, parts(),
                  {{"guard", guard_.state()},
                   {"updates_done", updates_done_},
                   {"credit", crediting_.statistics().state()},
                   {"reference", {{"gate", gate_.state()}, {"since_renewal", policies_.since_renewal()}}},
                   {"anchor", anchor_.state()},
                   {"cpu_path", nn::cpu_path_name(nn::cpu_path())}},
                  config_.checkpoint.keep, group_.leads());
}

void Trainer::resume(const std::filesystem::path& checkpoint) {
  draw_base();
  load_checkpoint(checkpoint, parts(), [this](const nlohmann::json& state) { restore(state); });
  check_same_weights(params_, group_);
}

void Trainer::restore(const nlohmann::json& state) {
  steps_done_ = stored_count(state, "step");
  updates_done_ = stored_count(state, "updates_done");
  if (updates_done_ != optimizer_.steps_done() || updates_done_ > steps_done_ * plan_.updates)
    throw DataError("checkpoint",
                    cat("'updates_done' of state.json must equal 'optimizer_steps' and be at most ",
                        plan_.updates, " per step; got ", updates_done_, ", ", optimizer_.steps_done(),
                        " optimizer steps and ", steps_done_, " steps"));
  guard_.load_state(state.at("guard"));
  crediting_.statistics().load_state(state.at("credit"));
  gate_.load_state(state.at("reference").at("gate"));
  policies_.set_since_renewal(stored_count(state.at("reference"), "since_renewal"));
  if (config_.slots.regularizer.follows_variety()) anchor_.load_state(state.at("anchor"));
  if (params_.front().tensor.is_cpu()) warn_of_another_cpu_path(state.value("cpu_path", ""));
}

CheckpointParts Trainer::parts() {
  CheckpointParts parts{
      .weights = params_, .optimizer = optimizer_, .ema = ema_, .policies = policies_.stored()};
  if (buffer_) parts.policies["buffer"] = buffer_->stored();
  return parts;
}

}  // namespace gamut::train
