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

std::vector<int64_t> prompts_of(const std::vector<SampleRow>& rows, int64_t first = 0) {
  std::vector<int64_t> prompts;
  for (const SampleRow& row : rows) prompts.push_back(first + row.key.prompt);
  return prompts;
}

// What is encoded: the prompts as they are drawn, then as they are trained where that differs.
std::vector<std::string> texts_for(const TrainConfig& config, const std::vector<text::Prompt>& prompts) {
  std::vector<std::string> texts = text::texts_of(prompts);
  if (config.slots.objective.plain_share == 0) return texts;
  const std::vector<std::string> plain = text::plain_texts_of(prompts);
  texts.insert(texts.end(), plain.begin(), plain.end());
  return texts;
}

// The prompts' own variation, of all that it acts on.
models::Conditioning perturbed(const models::Conditioning& clean,
                               const algorithms::ConditioningNoise& variation, const diffusion::Step& step) {
  const models::Conditioning varied = clean.with("hidden", variation.perturb(clean.hidden(), step));
  if (!clean.parts.contains("pooled")) return varied;
  return varied.with("pooled", variation.perturb_pooled(clean.part("pooled"), step));
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

std::vector<at::Tensor> gather_states(const std::vector<Rollout>& drawn, const at::Tensor& rows,
                                      States states) {
  std::vector<at::Tensor> out;
  for (size_t i = 0; i < (drawn.front().trajectories.*states).size(); ++i)
    out.push_back(gather(drawn, rows, [&](const Rollout& batch) { return (batch.trajectories.*states)[i]; }));
  return out;
}

}  // namespace

Rollout select_rows(const std::vector<Rollout>& drawn, const std::vector<int64_t>& rows) {
  const at::Tensor index = at::tensor(rows, at::kLong);
  Rollout out;
  std::vector<SampleRow> all;
  for (const Rollout& batch : drawn) all.insert(all.end(), batch.rows.begin(), batch.rows.end());
  for (const int64_t row : rows) out.rows.push_back(all[size_t(row)]);
  // Of a rollout that keeps no trajectory the finished latents are all there is.
  if (drawn.front().trajectories.latents.empty())
    out.trajectories.final_BCHW =
        gather(drawn, index, [](const Rollout& batch) { return batch.trajectories.final_BCHW; });
  out.trajectories.latents = gather_states(drawn, index, &diffusion::Trajectories::latents);
  out.trajectories.log_probs = gather_states(drawn, index, &diffusion::Trajectories::log_probs);
  out.trajectories.means = gather_states(drawn, index, &diffusion::Trajectories::means);
  return out;
}

std::vector<diffusion::SampleKey> keys_of(const std::vector<SampleRow>& rows) {
  std::vector<diffusion::SampleKey> keys;
  for (const SampleRow& row : rows) keys.push_back(row.key);
  return keys;
}

Actor::Actor(const TrainConfig& config, const models::Pipeline& policy,
             const std::vector<text::Prompt>& prompts, const algorithms::Needs& needs)
    : config_(config),
      needs_(needs),
      policy_(policy),
      prompts_(policy, texts_for(config, prompts)),
      plain_(config.slots.objective.plain_share > 0 ? int64_t(prompts.size()) : 0) {
  empty_ = policy_.encode({""});
}

void Actor::encode_prompts() const { prompts_.encode_all(); }

algorithms::ConditioningNoise Actor::variation(const std::vector<SampleRow>& rows) const {
  return {config_.slots.conditioning, uint64_t(config_.seed), keys_of(rows),
          rows.front().key.epoch,     config_.iterations,     config_.slots.sampler.steps};
}

diffusion::PointDenoiser Actor::point_denoiser(const models::Pipeline& pipe,
                                               const std::vector<SampleRow>& rows,
                                               const std::vector<diffusion::Step>& schedule) const {
  std::vector<algorithms::ConditioningNoise> variations;  // one per row: their steps differ
  for (const SampleRow& row : rows) variations.push_back(variation({row}));
  const models::Conditioning clean = prompts_.rows(prompts_of(rows)),
                             plain = plain_ > 0 ? prompts_.rows(prompts_of(rows, plain_)) : clean;
  return [&pipe, variations, schedule, clean, plain, empty = empty_,
          guidance = models::Guidance{.scale = config_.rollout.guidance_scale}](
             const at::Tensor& x, const std::vector<diffusion::ForwardPoint>& points) {
    std::vector<models::Conditioning> varied;
    for (size_t row = 0; row < points.size(); ++row)
      varied.push_back(perturbed((points[row].plain ? plain : clean).rows(int64_t(row), 1), variations[row],
                                 schedule[size_t(points[row].step)]));
    const at::Tensor time = algorithms::of_points(points, &diffusion::ForwardPoint::model_time, x);
    return models::predict_guided(pipe, x, time, models::Conditioning::cat(varied), empty, guidance);
  };
}

diffusion::Denoiser Actor::denoiser(const models::Pipeline& pipe, const std::vector<SampleRow>& rows) const {
  return [&pipe, variation = variation(rows), clean = prompts_.rows(prompts_of(rows)), empty = empty_,
          guidance = models::Guidance{.scale = config_.rollout.guidance_scale}](const at::Tensor& x,
                                                                                const diffusion::Step& step) {
    const models::Conditioning varied = perturbed(clean, variation, step);
    return models::predict_guided(pipe, x, step.model_time, varied, empty, guidance);
  };
}

Rollout Actor::roll_out(const std::vector<diffusion::Step>& schedule, const std::vector<SampleRow>& rows,
                        const std::set<int64_t>& graph_steps) const {
  at::NoGradGuard no_grad;
  const algorithms::Slots& slots = config_.slots;
  const diffusion::NoiseSource source{.seed = uint64_t(config_.seed), .purpose = "rollout"};
  const std::vector<int64_t> shape = policy_.latent_shape();
  const std::vector<diffusion::SampleKey> keys = keys_of(rows);
  const at::Tensor initial =
      diffusion::initial_noise(source, diffusion::shared_keys(keys, slots.sampler.initial_noise), shape);
  Rollout out{.rows = rows, .trajectories = {}, .pictures = {}};
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
