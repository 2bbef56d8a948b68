// SPDX-License-Identifier: Apache-2.0
// Where the network of a reward or of features computes, in which type, and on how many pictures at once.
#pragma once

#include "gamut/core/config.h"
#include "gamut/nn/params.h"

#include <cstdint>
#include <string>

namespace gamut::rewards {

struct ComputeConfig {
  std::string device = "policy";  // policy | cpu | cuda
  std::string dtype = "fp32";     // fp32 | bf16 | fp16
  int64_t batch = 16;
  void fields(FieldVisitor& v, const std::string& prefix = "");  // prefix: of each key, "features_"
};

struct Compute {
  nn::ParamOptions where = {};
  int64_t batch = 16;
};
// `policy_device`: "cpu" or "cuda". EnvironmentError when the device is not there, or is the CPU for fp16.
Compute open_compute(const ComputeConfig& config, const std::string& policy_device);

}  // namespace gamut::rewards
