// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/dry_run_parts.h"

#include <ATen/ATen.h>

namespace gamut::train {

using nn::MetaMemory;

Cost Meter::read() const {
  return {
      .flops = flops_.total(), .before = before_, .peak = MetaMemory::peak(), .after = MetaMemory::live()};
}

rewards::Scores AnyScore::score(const at::Tensor&, std::span<const text::Prompt> prompts) {
  const size_t count = prompts.size();
  return {.value = std::vector<double>(count),
          .exact = std::vector<uint8_t>(count),
          .failure = std::vector<std::string>(count)};
}

at::Tensor twin(const at::Tensor& tensor) { return tensor.defined() ? at::empty_like(tensor) : tensor; }

Rollout twin(const Rollout& rollout, const std::vector<SampleRow>& rows) {
  const auto copies = [](std::vector<at::Tensor> tensors) {
    for (at::Tensor& tensor : tensors) tensor = twin(tensor);
    return tensors;
  };
  const diffusion::Trajectories& from = rollout.trajectories;
  return {.rows = rows,
          .trajectories = {.latents = copies(from.latents),
                           .log_probs = copies(from.log_probs),
                           .final_BCHW = from.latents.empty() ? twin(from.final_BCHW) : at::Tensor(),
                           .means = copies(from.means),
                           .clean = copies(from.clean),
                           .predictions = {}},
          .pictures = twin(rollout.pictures)};
}

int64_t graphs_of(Rollout rollout) {
  const int64_t before = MetaMemory::live();
  rollout.trajectories.predictions.clear();
  return before - MetaMemory::live();
}

}  // namespace gamut::train
