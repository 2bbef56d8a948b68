// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/crediting.h"

#include "gamut/diversity/distances.h"
#include "gamut/diversity/features.h"
#include "gamut/diversity/measures.h"
#include "gamut/train/base_samples.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <nlohmann/json.hpp>

namespace gamut::train {

std::vector<std::vector<int64_t>> rows_by_slot(const std::vector<SampleRow>& all) {
  std::vector<std::vector<int64_t>> rows;
  int64_t row = 0;
  for (const SampleRow& sample : all) {
    if (size_t(sample.slot) >= rows.size()) rows.resize(size_t(sample.slot) + 1);
    rows[size_t(sample.slot)].push_back(row++);
  }
  return rows;
}

DrawnRows all_rows(const std::vector<std::vector<SampleRow>>& batches,
                   const std::vector<text::Prompt>& prompts) {
  DrawnRows all;
  for (const std::vector<SampleRow>& batch : batches)
    for (const SampleRow& row : batch) {
      all.rows.push_back(row);
      all.prompts.push_back(prompts[size_t(row.key.prompt)]);
    }
  return all;
}

Drawn gather(std::vector<Rollout> batches, const std::vector<text::Prompt>& prompts) {
  std::vector<at::Tensor> pictures;
  std::vector<text::Prompt> asked;
  for (Rollout& batch : batches) {
    pictures.push_back(std::move(batch.pictures));
    for (const SampleRow& row : batch.rows) asked.push_back(prompts[size_t(row.key.prompt)]);
  }
  return {std::move(batches), at::cat(pictures), std::move(asked)};
}

namespace {

at::Tensor distances_of(const at::Tensor& features, const std::vector<int64_t>& rows) {
  return diversity::cosine_distances(features.index_select(0, at::tensor(rows, at::kLong)));
}

// Features of the predicted clean pictures, one tensor per denoising step.
std::vector<at::Tensor> step_features(const std::vector<Rollout>& drawn, const models::Pipeline& policy,
                                      rewards::FeatureExtractor& extractor) {
  std::vector<at::Tensor> features;
  for (size_t step = 0; step < drawn.front().trajectories.clean.size(); ++step) {
    std::vector<at::Tensor> parts;
    for (const Rollout& batch : drawn)
      parts.push_back(extractor.extract(policy.decode(batch.trajectories.clean[step])));
    features.push_back(at::cat(parts));
  }
  return features;
}

// Per row, the log-probabilities summed over the steps. [rows] fp64
at::Tensor summed_log_probs(const std::vector<Rollout>& drawn, const std::vector<int64_t>& steps) {
  std::vector<at::Tensor> sums;
  for (const Rollout& batch : drawn) {
    at::Tensor sum = at::zeros({int64_t(batch.rows.size())}, at::kDouble);
    for (const int64_t step : steps)
      sum += batch.trajectories.log_probs[size_t(step)].to(at::kCPU, at::kDouble);
    sums.push_back(sum);
  }
  return at::cat(sums);
}

void compare_with_base(algorithms::Group& group, const at::Tensor& features, const BaseSamples& base,
                       int64_t prompt) {
  const at::Tensor theirs = base.features_MD[size_t(prompt)];
  const int64_t own = features.size(0);
  const at::Tensor all = diversity::cosine_distances(at::cat({features, theirs}));
  group.base_distances_NM = all.narrow(0, 0, own).narrow(1, own, theirs.size(0)).contiguous();
  group.base_width = base.widths[size_t(prompt)];
}

// Back from groups to rows.
RowCredit scatter(algorithms::Credit credit, const std::vector<std::vector<int64_t>>& rows_of, size_t total) {
  RowCredit out;
  out.kept.assign(total, 0);
  out.trained.assign(total, 0);
  out.advantages.assign(total, 0);
  for (size_t g = 0; g < credit.groups.size(); ++g) {
    const algorithms::GroupCredit& group = credit.groups[g];
    const std::vector<int64_t>& rows = rows_of[g];
    for (const int64_t member : group.kept) out.kept[size_t(rows[size_t(member)])] = 1;
    out.step_advantages.resize(group.step_advantages.size());
    for (size_t step = 0; step < group.step_advantages.size(); ++step) {
      out.step_advantages[step].resize(total, 0);
      for (size_t m = 0; m < rows.size(); ++m)
        out.step_advantages[step][size_t(rows[m])] = float(group.step_advantages[step][m]);
    }
    for (size_t m = 0; m < rows.size(); ++m) {
      out.trained[size_t(rows[m])] = group.trained[m];
      out.advantages[size_t(rows[m])] = float(group.advantages[m]);
    }
  }
  out.groups = std::move(credit);
  return out;
}

}  // namespace

Crediting::Crediting(const TrainConfig& config)
    : config_(config), features_(rewards::make_features(config.slots.shaping.features, config.device)) {}

Looks Crediting::look(const Drawn& drawn, const models::Pipeline& policy,
                      const std::vector<int64_t>& trained_steps) const {
  at::NoGradGuard no_grad;
  const bool asks_likelihood = config_.slots.advantage.kind == "tmpo";
  return {.features = features_->extract(drawn.pictures),
          .log_probs = asks_likelihood ? summed_log_probs(drawn.batches, trained_steps) : at::Tensor(),
          .of_steps = step_features(drawn.batches, policy, *features_)};
}

RowCredit Crediting::assign(const DrawnRows& all, const Looks& looks, const rewards::Scores& scores,
                            const CreditPlace& place) {
  at::NoGradGuard no_grad;
  const algorithms::Slots& slots = config_.slots;
  const std::vector<std::vector<int64_t>> rows_of = rows_by_slot(all.rows);

  const bool compares = slots.shaping.kind == "mmd", over_batch = slots.shaping.scope == "batch";
  std::vector<double> witness;
  if (compares && over_batch)
    witness = batch_witness(looks.features, all.rows, *place.base, slots.shaping.width);
  std::vector<algorithms::Group> groups;
  double distance = 0;
  for (const std::vector<int64_t>& rows : rows_of) {
    algorithms::Group& group = groups.emplace_back();
    for (const int64_t row : rows) {
      group.rewards.push_back(scores.value[size_t(row)]);
      group.scored.push_back(scores.failure[size_t(row)].empty());
      if (looks.log_probs.defined()) group.log_probs.push_back(looks.log_probs[row].item<double>());
    }
    const int64_t first = rows.front();
    group.prompt = all.prompts[size_t(first)].text;
    group.distances_NN = distances_of(looks.features, rows);
    if (!witness.empty())
      for (const int64_t row : rows) group.witness.push_back(witness[size_t(row)]);
    if (compares && !over_batch)
      compare_with_base(group, looks.features.index_select(0, at::tensor(rows, at::kLong)), *place.base,
                        all.rows[size_t(first)].key.prompt);
    for (const at::Tensor& step : looks.of_steps) group.step_distances_NN.push_back(distances_of(step, rows));
    distance += diversity::pairwise_mean(group.distances_NN) / double(rows_of.size());
  }
  const algorithms::CreditConfig config{slots.subset, slots.shaping, slots.advantage};
  const algorithms::CreditContext context{.seed = uint64_t(config_.seed),
                                          .iteration = place.iteration,
                                          .iterations = config_.iterations,
                                          .steps = slots.sampler.steps,
                                          .keep = place.keep,
                                          .statistics = &statistics_};
  RowCredit out = scatter(algorithms::assign_credit(groups, config, context), rows_of, scores.value.size());
  out.group_distance = distance;
  return out;
}

}  // namespace gamut::train
