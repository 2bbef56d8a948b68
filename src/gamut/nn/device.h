// SPDX-License-Identifier: Apache-2.0
// The device a user names: "cpu" or "cuda".
#pragma once

#include "gamut/core/error.h"

#include <ATen/Context.h>
#include <c10/core/Device.h>

#include <string>

namespace gamut::nn {

// EnvironmentError when this build or machine has no such device.
inline at::Device open_device(const std::string& name) {
  const at::Device device(name);
  if (device.is_cuda() && !at::hasCUDA())
    throw EnvironmentError("device",
                           "no CUDA device was found by this build of LibTorch; got 'cuda'; use 'cpu'");
  return device;
}

}  // namespace gamut::nn
