// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/policy.h"

#include "gamut/nn/device.h"

namespace gamut::train {

models::Pipeline open_policy(const TrainConfig& config, const std::string& folder) {
  models::Pipeline policy = models::Pipeline::open(folder.empty() ? config.model : folder,
                                                   nn::open_device(config.device, config.dtype, config.mixed_precision));
  policy.set_picture_size(config.rollout.height, config.rollout.width);
  return policy;
}

}  // namespace gamut::train
