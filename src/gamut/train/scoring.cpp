// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/scoring.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

namespace gamut::train {
namespace {

template <class T>
void append(std::vector<T>& to, const std::vector<T>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

// Each thread waits for the one before: a reward is asked by one at a time.
void Scoring::add(at::Tensor pictures, std::vector<text::Prompt> prompts) {
  const std::shared_future<rewards::Scores> before =
      parts_.empty() ? std::shared_future<rewards::Scores>{} : parts_.back();
  parts_.push_back(std::async(std::launch::async, [this, before, pictures = std::move(pictures),
                                                   prompts = std::move(prompts)] {
                     const at::NoGradGuard no_grad;  // a thread's own
                     if (before.valid()) before.get();
                     return rewards::score_checked(reward_, pictures, prompts);
                   }).share());
}

rewards::Scores Scoring::finish() {
  rewards::Scores all;
  for (const auto& part : std::exchange(parts_, {})) {
    const rewards::Scores& scores = part.get();
    append(all.value, scores.value);
    append(all.exact, scores.exact);
    append(all.failure, scores.failure);
    for (const auto& [name, values] : scores.parts) append(all.parts[name], values);
  }
  return all;
}

}  // namespace gamut::train
