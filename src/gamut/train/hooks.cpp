// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/hooks.h"

#include <ATen/ATen.h>

namespace gamut::train {

Hooks& Hooks::none() {
  static Hooks hooks;
  return hooks;
}

Rollout Hooks::draw(const std::vector<Rollout>&, const std::vector<SampleRow>&,
                    const std::function<Rollout()>& roll_out) {
  return roll_out();
}

RowCredit Hooks::credit(const Drawn&, const std::function<RowCredit()>& assign) { return assign(); }

void Hooks::ask_others(std::vector<MicroBatch>&, const std::function<void()>& ask) { ask(); }

void Hooks::train(MicroBatch& batch, const UpdateInputs& inputs,
                  const std::function<void(const algorithms::TrainItem&)>& on_item) {
  for (const algorithms::TrainItem& item : inputs.objective.items(batch, inputs.steps)) on_item(item);
}

double Hooks::value(const at::Tensor& scalar, double) const { return scalar.item<double>(); }

}  // namespace gamut::train
