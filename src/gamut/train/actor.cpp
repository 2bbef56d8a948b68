// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/actor.h"

#include "gamut/algorithms/forward_objective.h"
#include "gamut/core/error.h"
#include "gamut/models/guidance.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <functional>

namespace gamut::train {
namespace {

std::vector<std::string> texts(const std::vector<text::Prompt>& prompts) {
  std::vector<std::string> out;
  for (const text::Prompt& prompt : prompts) out.push_back(prompt.text);
  return out;
}

// A sampler for another kind of model would run, and draw noise.
void check_sampler(const diffusion::SamplerConfig& sampler, const models::SchedulerConfig& scheduler) {
  const bool ddim = sampler.kind == "ddim";
  if (ddim == scheduler.is_flow())
    throw ConfigError("sampler", cat("sampler.kind = \"", sampler.kind, "\" does not fit the model's ",
                                     scheduler.class_name, "; use ",
                                     ddim ? "flow_sde, dance_sde or cps" : "ddim (and grid keys do not apply)"));
  if (!ddim) return;
  const diffusion::AlphaTableConfig& alphas = sampler.alphas;
  const bool given = !scheduler.trained_betas.empty();  // in place of the three keys
  const bool other_betas = alphas.beta_start != scheduler.beta_start || alphas.beta_end != scheduler.beta_end ||
                           alphas.beta_schedule != scheduler.beta_schedule;
  if ((other_betas && !given) || alphas.prediction != scheduler.prediction_type ||
      alphas.train_timesteps != scheduler.num_train_timesteps)
    throw ConfigError("sampler", cat("sampler.beta_start, beta_end, beta_schedule, prediction and train_timesteps must "
                                     "be the model's: ", scheduler.beta_start, ", ", scheduler.beta_end, ", ",
                                     scheduler.beta_schedule, ", ", scheduler.prediction_type, ", ",
                                     scheduler.num_train_timesteps));
}

std::vector<int64_t> prompts_of(const std::vector<SamplePlace>& rows) {
  std::vector<int64_t> prompts;
  for (const SamplePlace& row : rows) prompts.push_back(row.key.prompt);
  return prompts;
}

// Rows of per-batch tensors, gathered over all batches.
at::Tensor gather(const std::vector<Rollout>& drawn, const at::Tensor& rows,
                  const std::function<at::Tensor(const Rollout&)>& part) {
  std::vector<at::Tensor> parts;
  for (const Rollout& batch : drawn) parts.push_back(part(batch));
  if (!parts.front().defined()) return {};
  return at::cat(parts).index_select(0, rows.to(parts.front().device()));
}

using States = std::vector<at::Tensor> diffusion::Trajectories::*;

std::vector<at::Tensor> gather_states(const std::vector<Rollout>& drawn, const at::Tensor& rows, States states) {
  std::vector<at::Tensor> out;
  for (size_t i = 0; i < (drawn.front().trajectories.*states).size(); ++i)
    out.push_back(gather(drawn, rows, [&](const Rollout& batch) { return (batch.trajectories.*states)[i]; }));
  return out;
}

Rollout select_rows(const std::vector<Rollout>& drawn, const std::vector<int64_t>& rows) {
  const at::Tensor index = at::tensor(rows, at::kLong);
  Rollout out;
  std::vector<SamplePlace> all;
  for (const Rollout& batch : drawn) all.insert(all.end(), batch.places.begin(), batch.places.end());
  for (const int64_t row : rows) out.places.push_back(all[size_t(row)]);
  // Of a rollout that keeps no trajectory the finished latents are all there is.
  if (drawn.front().trajectories.latents.empty())
    out.trajectories.final_BCHW = gather(drawn, index, [](const Rollout& batch) { return batch.trajectories.final_BCHW; });
  out.trajectories.latents = gather_states(drawn, index, &diffusion::Trajectories::latents);
  out.trajectories.log_probs = gather_states(drawn, index, &diffusion::Trajectories::log_probs);
  out.trajectories.means = gather_states(drawn, index, &diffusion::Trajectories::means);
  return out;
}

}  // namespace

std::vector<diffusion::SampleKey> keys_of(const std::vector<SamplePlace>& rows) {
  std::vector<diffusion::SampleKey> keys;
  for (const SamplePlace& row : rows) keys.push_back(row.key);
  return keys;
}

Actor::Actor(const TrainConfig& config, const models::Pipeline& policy, const std::vector<text::Prompt>& prompts)
    : config_(config),
      needs_(algorithms::make_objective(config.slots, uint64_t(config.seed))->needs()),
      policy_(policy),
      prompts_(policy, texts(prompts)) {
  check_sampler(config.slots.sampler, policy.scheduler());
  empty_ = policy_.encode({""});
}

algorithms::ConditioningNoise Actor::variation(const std::vector<SamplePlace>& rows) const {
  return {config_.slots.conditioning, uint64_t(config_.seed), keys_of(rows), rows.front().key.epoch, config_.iterations,
          config_.slots.sampler.steps};
}

diffusion::PointDenoiser Actor::point_denoiser(const models::Pipeline& pipe, const std::vector<SamplePlace>& rows,
                                               const std::vector<diffusion::Step>& schedule) const {
  std::vector<algorithms::ConditioningNoise> variations;  // one per row: their steps differ
  for (const SamplePlace& row : rows) variations.push_back(variation({row}));
  return [&pipe, variations, schedule, clean = prompts_.rows(prompts_of(rows)), empty = empty_,
          guidance = config_.rollout.guidance_scale](const at::Tensor& x,
                                                     const std::vector<diffusion::ForwardPoint>& points) {
    std::vector<at::Tensor> varied;
    for (size_t row = 0; row < points.size(); ++row)
      varied.push_back(variations[row].perturb(clean.hidden_BLD.narrow(0, int64_t(row), 1),
                                               schedule[size_t(points[row].step)]));
    const at::Tensor time = algorithms::of_points(points, &diffusion::ForwardPoint::model_time, x);
    return models::predict_guided(pipe, x, time, {.hidden_BLD = at::cat(varied)}, empty, guidance);
  };
}

diffusion::Denoiser Actor::denoiser(const models::Pipeline& pipe, const std::vector<SamplePlace>& rows) const {
  return [&pipe, variation = variation(rows), clean = prompts_.rows(prompts_of(rows)), empty = empty_,
          guidance = config_.rollout.guidance_scale](const at::Tensor& x, const diffusion::Step& step) {
    const models::Conditioning varied{.hidden_BLD = variation.perturb(clean.hidden_BLD, step)};
    return models::predict_guided(pipe, x, step.model_time, varied, empty, guidance);
  };
}

Rollout Actor::roll_out(const std::vector<diffusion::Step>& schedule, const std::vector<SamplePlace>& rows,
                        const std::set<int64_t>& graph_steps) const {
  at::NoGradGuard no_grad;
  const algorithms::Slots& slots = config_.slots;
  const diffusion::NoiseSource source{.seed = uint64_t(config_.seed), .purpose = "rollout"};
  const std::vector<int64_t> shape = policy_.latent_shape();
  const std::vector<diffusion::SampleKey> keys = keys_of(rows);
  const at::Tensor initial =
      diffusion::initial_noise(source, diffusion::shared_keys(keys, slots.sampler.initial_noise), shape);
  Rollout out{.places = rows, .trajectories = {}, .pictures = {}};
  out.trajectories = diffusion::rollout(
      schedule, initial.to(policy_.options().device), denoiser(policy_, rows),
      [&](int64_t step) { return diffusion::step_noise(source, keys, shape, step); },
      {.keep_latents = needs_.trajectory,
       .decode_clean = slots.sampler.decode == "x0_last",
       .keep_means = needs_.means,
       .keep_clean = slots.shaping.kind == "pairwise_potential" && slots.shaping.potential == "per_step_x0",
       .graph_steps = graph_steps});
  out.pictures = policy_.decode(out.trajectories.final_BCHW);
  return out;
}

KeptRollouts keep_rows(std::vector<Rollout> drawn, const std::vector<uint8_t>& marked, int64_t micro_batch) {
  std::vector<int64_t> order, rest;
  for (size_t row = 0; row < marked.size(); ++row) (marked[row] ? order : rest).push_back(int64_t(row));
  const size_t missing = size_t((micro_batch - int64_t(order.size()) % micro_batch) % micro_batch);
  GAMUT_CHECK(missing <= rest.size(), "the rows drawn must be a multiple of the micro-batch ", micro_batch);
  const bool all = missing == rest.size();
  order.insert(order.end(), rest.begin(), rest.begin() + int64_t(missing));
  if (all) std::sort(order.begin(), order.end());

  KeptRollouts kept;
  for (size_t begin = 0; begin < order.size(); begin += size_t(micro_batch)) {
    const auto first = order.begin() + int64_t(begin);
    kept.source.emplace_back(first, first + micro_batch);
    if (!all) kept.batches.push_back(select_rows(drawn, kept.source.back()));
  }
  if (all) kept.batches = std::move(drawn);
  return kept;
}

}  // namespace gamut::train
