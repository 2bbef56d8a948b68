// SPDX-License-Identifier: Apache-2.0
// Pictures that the base drew before anything was trained, for what compares an iteration's with them: the
// share of its variety that is left (regularizer.kept_share), and where its pictures lie (shaping.kind =
// mmd).
#pragma once

#include "gamut/rewards/features.h"
#include "gamut/train/actor.h"
#include "gamut/train/config.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace gamut::train {

// By place in the prompt set.
struct BaseSamples {
  std::vector<double> variety;          // pooled_variety of a prompt's pictures
  std::vector<at::Tensor> features_MD;  // by [shaping]'s extractor; empty unless mmd
  std::vector<double> widths;  // median distance between a prompt's pictures, at least 1e-3; as above
  // shaping.scope = batch, of features of length 1: each prompt's mean; all of them less their prompt's mean;
  // and the median over prompts of the median Euclidean distance between a prompt's pictures.
  at::Tensor means_PD, centered_MD;
  double width = 0;
};

// Whether a part of the recipe asks for them.
bool needs_base_samples(const TrainConfig& config);

// rollout.base_samples pictures of each prompt under the keys of epoch -1, which no iteration has. The
// actor's policy must be the base still.
BaseSamples draw_base_samples(const TrainConfig& config, const Actor& actor,
                              rewards::FeatureExtractor& features,
                              const std::vector<diffusion::Step>& schedule, int64_t prompts,
                              int64_t micro_batch);

// Mean over pairs of the root mean squared difference of latents [N, C, H, W] that are averaged over pool x
// pool cells first, as the anchor sees them; 0 of one.
double pooled_variety(const at::Tensor& latents_NCHW, int64_t pool);

// The variety of an iteration's finished latents, one per row, over the base's, each summed over the
// iteration's prompts.
double kept_variety(const at::Tensor& latents_NCHW, const std::vector<SampleRow>& rows,
                    const BaseSamples& base, int64_t pool);

// Fills in what shaping.scope = batch compares with, of features_MD and widths.
void center(BaseSamples& base);

// shaping.scope = batch: the witness of the discrepancy between an iteration's pictures, of all its prompts
// together, and the base's, per row. What all prompts lose alike, as a style or a color, is told from many
// more pictures than a group has. `width` in units of the base's median.
std::vector<double> batch_witness(const at::Tensor& features_ND, const std::vector<SampleRow>& rows,
                                  const BaseSamples& base, double width);

}  // namespace gamut::train
