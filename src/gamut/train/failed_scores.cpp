// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/failed_scores.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"

#include <ATen/ATen.h>

namespace gamut::train {
namespace {

void check_pictures(const at::Tensor& own, size_t all, const FailedScores& failed, comm::Group& group) {
  const at::Tensor count = own.isfinite().flatten(1).all(1).logical_not().sum();
  group.sum({count});
  const int64_t damaged = count.item<int64_t>();
  if (damaged == 0) return;
  const std::string what =
      cat(damaged, " of ", all, " pictures of iteration ", failed.iteration, " are not finite: ");
  if (!failed.updated)
    throw NumericalError(
        "train", what + "the model draws such before its first update; does its type (dtype) fit it?");
  throw NumericalError("train",
                       what +
                           "training diverged; lower optimizer.learning_rate, or resume from an earlier "
                           "checkpoint by removing the newer ones from checkpoints/");
}

}  // namespace

void refuse_scores(const rewards::Scores& scores, const at::Tensor& own_pictures, const FailedScores& failed,
                   comm::Group& group) {
  check_pictures(own_pictures, scores.value.size(), failed, group);
  throw NumericalError("reward", cat("the reward '", failed.reward, "' failed for ", scores.num_failed(),
                                     " of ", scores.value.size(), " pictures in iteration ", failed.iteration,
                                     "; first reason: ", printable(scores.first_failure())));
}

}  // namespace gamut::train
