// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/base_samples.h"

#include "gamut/diversity/discrepancy.h"
#include "gamut/diversity/distances.h"
#include "gamut/diversity/measures.h"
#include "gamut/train/crediting.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

namespace gamut::train {
namespace {

constexpr double kLeastWidth = 1e-3;

double median_distance(const at::Tensor& features_MD) {
  const at::Tensor distances = diversity::cosine_distances(features_MD);
  const int64_t count = distances.size(0);
  const at::Tensor pairs = distances.masked_select(at::ones({count, count}, at::kBool).triu(1));
  return std::max(kLeastWidth, pairs.median().item<double>());
}

// Rows of length 1.
at::Tensor directions(const at::Tensor& features_ND) {
  const at::Tensor rows = features_ND.to(at::kCPU, at::kDouble);
  return rows / rows.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
}

at::Tensor distances_between(const at::Tensor& a_ND, const at::Tensor& b_MD) {
  constexpr int64_t kWithoutMatrixProduct = 2;  // which rounds small distances
  return at::cdist(a_ND, b_MD, 2.0, kWithoutMatrixProduct);
}

}  // namespace

bool needs_base_samples(const TrainConfig& config) {
  return config.slots.regularizer.follows_variety() || config.slots.shaping.kind == "mmd";
}

double pooled_variety(const at::Tensor& latents, int64_t pool) {
  if (latents.size(0) < 2) return 0;
  at::Tensor cells = latents.to(at::kCPU, at::kDouble);
  if (pool > 1) cells = at::avg_pool2d(cells, {pool, pool});
  cells = cells.flatten(1);
  return diversity::pairwise_mean(diversity::euclidean_distances(cells)) / std::sqrt(double(cells.size(1)));
}

BaseSamples draw_base_samples(const TrainConfig& config, const Actor& actor,
                              rewards::FeatureExtractor& features,
                              const std::vector<diffusion::Step>& schedule, int64_t prompts,
                              int64_t micro_batch) {
  at::NoGradGuard no_grad;
  const int64_t members = config.rollout.base_samples;
  std::vector<SampleRow> rows;
  for (int64_t prompt = 0; prompt < prompts; ++prompt)
    for (int64_t member = 0; member < members; ++member)
      rows.push_back({.key = {.epoch = -1, .prompt = prompt, .member = member}, .slot = prompt});
  std::vector<at::Tensor> latents, looks;
  for (size_t begin = 0; begin < rows.size(); begin += size_t(micro_batch)) {
    const size_t end = std::min(rows.size(), begin + size_t(micro_batch));
    const Rollout drawn =
        actor.roll_out(schedule, {rows.begin() + int64_t(begin), rows.begin() + int64_t(end)});
    latents.push_back(drawn.trajectories.final_BCHW.to(at::kCPU));
    if (config.slots.shaping.kind == "mmd") looks.push_back(features.extract(drawn.pictures));
  }
  BaseSamples base;
  for (const at::Tensor& of_prompt : at::cat(latents).split(members))
    base.variety.push_back(pooled_variety(of_prompt, config.slots.regularizer.pool));
  if (looks.empty()) return base;
  for (const at::Tensor& of_prompt : at::cat(looks).split(members)) {
    base.features_MD.push_back(of_prompt);
    base.widths.push_back(median_distance(of_prompt));
  }
  if (config.slots.shaping.scope == "batch") center(base);
  return base;
}

std::vector<double> batch_witness(const at::Tensor& features, const std::vector<SampleRow>& rows,
                                  const BaseSamples& base, double width) {
  std::vector<int64_t> prompts;
  for (const SampleRow& row : rows) prompts.push_back(row.key.prompt);
  const at::Tensor own = directions(features) - base.means_PD.index_select(0, at::tensor(prompts, at::kLong));
  return diversity::mmd_witness(distances_between(own, own), distances_between(own, base.centered_MD),
                                width * base.width);
}

void center(BaseSamples& base) {
  std::vector<at::Tensor> means, centered;
  std::vector<double> medians;
  for (size_t p = 0; p < base.features_MD.size(); ++p) {
    const at::Tensor own = directions(base.features_MD[p]);
    means.push_back(own.mean(0));
    centered.push_back(own - means.back());
    medians.push_back(std::sqrt(2 * base.widths[p]));  // |u - v|^2 = 2 (1 - cos)
  }
  base.means_PD = at::stack(means);
  base.centered_MD = at::cat(centered);
  base.width = at::tensor(medians, at::kDouble).median().item<double>();
}

double kept_variety(const at::Tensor& latents, const std::vector<SampleRow>& rows, const BaseSamples& base,
                    int64_t pool) {
  double now = 0, then = 0;
  for (const std::vector<int64_t>& of_prompt : rows_by_slot(rows)) {
    now += pooled_variety(latents.index_select(0, at::tensor(of_prompt, at::kLong)), pool);
    then += base.variety[size_t(rows[size_t(of_prompt.front())].key.prompt)];
  }
  return then > 0 ? now / then : 1;
}

}  // namespace gamut::train
