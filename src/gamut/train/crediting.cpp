// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/crediting.h"

#include "gamut/diversity/distances.h"
#include "gamut/diversity/features.h"
#include "gamut/diversity/measures.h"

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

Looks Crediting::look(const Drawn& drawn, const models::Pipeline& policy) const {
  at::NoGradGuard no_grad;
  return {features_->extract(drawn.pictures), step_features(drawn.batches, policy, *features_)};
}

RowCredit Crediting::assign(const DrawnRows& all, const Looks& looks, const rewards::Scores& scores,
                            int64_t keep, int64_t iteration) {
  at::NoGradGuard no_grad;
  const algorithms::Slots& slots = config_.slots;
  const std::vector<std::vector<int64_t>> rows_of = rows_by_slot(all.rows);

  std::vector<algorithms::Group> groups;
  double distance = 0;
  for (const std::vector<int64_t>& rows : rows_of) {
    algorithms::Group& group = groups.emplace_back();
    for (const int64_t row : rows) {
      group.rewards.push_back(scores.value[size_t(row)]);
      group.scored.push_back(scores.failure[size_t(row)].empty());
    }
    const int64_t first = rows.front();
    group.prompt = all.prompts[size_t(first)].text;
    group.distances_NN = distances_of(looks.features, rows);
    for (const at::Tensor& step : looks.of_steps) group.step_distances_NN.push_back(distances_of(step, rows));
    distance += diversity::pairwise_mean(group.distances_NN) / double(rows_of.size());
  }
  const algorithms::CreditConfig config{slots.subset, slots.shaping, slots.advantage};
  const algorithms::CreditContext context{.seed = uint64_t(config_.seed),
                                          .iteration = iteration,
                                          .iterations = config_.iterations,
                                          .steps = slots.sampler.steps,
                                          .keep = keep,
                                          .statistics = &statistics_};
  RowCredit out = scatter(algorithms::assign_credit(groups, config, context), rows_of, scores.value.size());
  out.group_distance = distance;
  return out;
}

}  // namespace gamut::train
