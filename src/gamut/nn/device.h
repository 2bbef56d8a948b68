// SPDX-License-Identifier: Apache-2.0
// The device a user names, "cpu" or "cuda", and the type to compute in, "fp32", "bf16" or "fp16".
#pragma once

#include "gamut/core/error.h"
#include "gamut/nn/params.h"

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

inline const std::vector<std::string>& dtype_names() {
  static const std::vector<std::string> names{"fp32", "bf16", "fp16"};
  return names;
}

// Where and in which type a network computes. EnvironmentError as above, and for fp16 on the CPU.
inline ParamOptions open_device(const std::string& device_name, const std::string& dtype) {
  const at::Device device = open_device(device_name);
  if (dtype == "fp32") return {device, at::kFloat};
  if (dtype == "bf16") return {device, at::kBFloat16};
  GAMUT_CHECK(dtype == "fp16", "dtype ", dtype);
  if (device.is_cpu())
    throw EnvironmentError("device", "the CPU computes in fp32 and bf16; got dtype 'fp16'; use 'bf16', or device 'cuda'");
  return {device, at::kHalf};
}

}  // namespace gamut::nn
