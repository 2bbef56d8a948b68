// SPDX-License-Identifier: Apache-2.0
// What a dry run (dry_run.cpp) measures with, and what it takes in place of data.
#pragma once

#include "gamut/nn/cost.h"
#include "gamut/rewards/reward.h"
#include "gamut/train/actor.h"

#include <string>
#include <vector>

namespace gamut::train {

// What one piece of work computes, and the bytes before, at its worst moment and after.
struct Cost {
  double flops = 0;
  int64_t before = 0, peak = 0, after = 0;
  int64_t kept() const { return after - before; }
  int64_t working() const { return peak - before; }
};

// Measures this thread's FLOPs and the meta device's bytes from here on; not two at a time.
class Meter {
 public:
  Meter() { nn::MetaMemory::reset_peak(); }
  Cost read() const;

 private:
  int64_t before_ = nn::MetaMemory::live();
  nn::FlopCounter flops_;
};

template <class Work>
Cost cost_of(const Work& work) {
  const Meter meter;
  work();
  return meter.read();
}

// Scores pictures that nobody can see: 0.
class AnyScore final : public rewards::Reward {
 public:
  std::string name() const override { return "dry run"; }
  rewards::Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override;
};

// A tensor of the same shape and type; undefined of an undefined one.
at::Tensor twin(const at::Tensor& tensor);
// Another micro-batch's rollout of the same shapes, without its graphs.
Rollout twin(const Rollout& rollout, const std::vector<SampleRow>& rows);
// Bytes that nothing but the rollout's graphs holds.
int64_t graphs_of(Rollout rollout);

}  // namespace gamut::train
