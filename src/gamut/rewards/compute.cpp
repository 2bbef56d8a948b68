// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/compute.h"

#include "gamut/nn/device.h"

namespace gamut::rewards {

void ComputeConfig::fields(FieldVisitor& v, const std::string& prefix) {
  v.field(prefix + "device", device, one_of({"policy", "cpu", "cuda"}),
          "where its network computes; policy: where the policy does");
  v.field(prefix + "dtype", dtype, one_of(nn::dtype_names()),
          "type that its network is held and computed in; fp16 on cuda only");
  v.field(prefix + "batch", batch, between(1, 4096), "pictures that its network sees at once");
}

Compute open_compute(const ComputeConfig& config, const std::string& policy_device) {
  return {nn::open_device(config.device == "policy" ? policy_device : config.device, config.dtype),
          config.batch};
}

}  // namespace gamut::rewards
