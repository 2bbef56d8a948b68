// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/reference.h"

#include "gamut/core/error.h"
#include "gamut/diffusion/step.h"
#include "gamut/train/checkpoint.h"
#include "gamut/train/ema.h"
#include "gamut/train/gate_rewards.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace gamut::train {
namespace {

void copy_all(const std::vector<nn::NamedTensor>& to, const std::vector<nn::NamedTensor>& from) {
  at::NoGradGuard no_grad;
  GAMUT_CHECK(to.size() == from.size(), to.size(), " and ", from.size(), " tensors");
  for (size_t i = 0; i < to.size(); ++i) to[i].tensor.detach().copy_(from[i].tensor);
}

std::vector<nn::NamedTensor> copies_of(const std::vector<nn::NamedTensor>& tensors) {
  std::vector<nn::NamedTensor> copies;
  for (const auto& [name, tensor] : tensors) copies.push_back({name, tensor.detach().clone()});
  return copies;
}

std::vector<SamplePlace> pick(const std::vector<SamplePlace>& rows, const std::vector<int64_t>& index) {
  std::vector<SamplePlace> out;
  for (const int64_t i : index) out.push_back(rows[size_t(i)]);
  return out;
}

// A picture that a reward could not score ranks last in it.
std::vector<double> finite_or_worst(std::vector<double> values) {
  for (double& value : values)
    if (!std::isfinite(value)) value = std::numeric_limits<double>::lowest();
  return values;
}

}  // namespace

Reference::Reference(const TrainConfig& config, const models::Pipeline& policy,
                     const std::vector<nn::NamedTensor>& trained)
    : config_(config.slots.regularizer),
      shares_network_(config.lora.is_on()),
      trained_(trained),
      gate_(config.slots.regularizer) {
  if (!config_.is_on()) return;
  if (shares_network_) {
    pipeline_ = policy;
    if (config_.reference != "frozen") held_ = copies_of(trained);
  } else {
    pipeline_ = models::Pipeline::open(config.model, policy.options());
    held_ = pipeline_->denoiser_params().params();
  }
  if (config_.kind != "gated_kl") return;
  auxiliaries_ = make_gate_rewards(config);
}

void Reference::check_prompts(const std::vector<text::Prompt>& prompts, const std::string& file) const {
  for (const auto& reward : auxiliaries_) rewards::check_prompts(*reward, "gate", prompts, file);
}

void Reference::follow(const std::vector<nn::NamedTensor>& average) {
  if (is_on() && config_.reference == "ema") copy_all(held_, average);
}

std::vector<uint8_t> Reference::gate(const at::Tensor& pictures, const std::vector<text::Prompt>& prompts,
                                     const rewards::Scores& main) {
  if (auxiliaries_.empty()) return std::vector<uint8_t>(main.value.size(), 1);
  std::vector<std::vector<double>> scores;
  for (const auto& reward : auxiliaries_)
    scores.push_back(finite_or_worst(rewards::score_checked(*reward, pictures, prompts).value));
  return gate_.open(finite_or_worst(main.value), scores);
}

void Reference::add_means(MicroBatch& batch, const std::vector<SamplePlace>& rows, const std::vector<uint8_t>& marked,
                          const Actor& actor, const std::vector<diffusion::Step>& schedule,
                          const std::vector<int64_t>& trained_steps) const {
  if (!is_on()) return;
  at::NoGradGuard no_grad;
  std::vector<int64_t> chosen;
  for (size_t row = 0; row < marked.size(); ++row)
    if (marked[row]) chosen.push_back(int64_t(row));
  const bool all = chosen.size() == rows.size();
  if (!all) batch.regularized = at::tensor(chosen, at::kLong).to(batch.weights_B.device());
  if (chosen.empty()) return;
  std::optional<nn::AdaptersOff> base;
  std::optional<BorrowedWeights> other;
  if (shares_network_ && held_.empty()) base.emplace(pipeline_->denoiser_params());
  if (shares_network_ && !held_.empty()) other.emplace(trained_, held_);
  const diffusion::Denoiser denoiser = actor.denoiser(*pipeline_, all ? rows : pick(rows, chosen));
  for (const int64_t index : trained_steps) {
    if (config_.step_weight(index) <= 0) continue;
    const diffusion::Step& step = schedule[size_t(index)];
    const at::Tensor& latents = batch.trajectories.latents[size_t(index)];
    const at::Tensor x = all ? latents : latents.index_select(0, batch.regularized);
    batch.reference[index] = diffusion::step_mean(step, x, denoiser(x, step));
  }
}

bool Reference::renew(const std::vector<nn::NamedTensor>& policy, double kl) {
  if (!is_on() || config_.reference != "periodic") return false;
  ++since_renewal_;
  if (!algorithms::reference_is_due(config_, kl, since_renewal_)) return false;
  copy_all(held_, policy);
  since_renewal_ = 0;
  return true;
}

std::vector<nn::NamedTensor> Reference::moving_weights() const {
  if (!is_on() || config_.reference != "periodic") return {};
  return held_;
}

nlohmann::json Reference::state() const { return {{"gate", gate_.state()}, {"since_renewal", since_renewal_}}; }

void Reference::load_state(const nlohmann::json& state) {
  gate_.load_state(state.at("gate"));
  since_renewal_ = stored_count(state, "since_renewal");
}

}  // namespace gamut::train
