// SPDX-License-Identifier: Apache-2.0
// The device a user names, "cpu" or "cuda", and the type to compute in, "fp32", "bf16" or "fp16".
#pragma once

#include "gamut/core/error.h"
#include "gamut/nn/cuda.h"
#include "gamut/nn/params.h"

#include <c10/core/Device.h>

#include <string>

namespace gamut::nn {

// EnvironmentError when LibTorch or the machine has no such device.
inline at::Device open_device(const std::string& name) {
  const at::Device device(name);
  if (device.is_cuda() && !open_cuda().empty())
    throw EnvironmentError(
        "device",
        cat("no CUDA device was found by this build of LibTorch; got 'cuda'; use 'cpu', or: ", open_cuda()));
  return device;
}

inline const std::vector<std::string>& dtype_names() {
  static const std::vector<std::string> names{"fp32", "bf16", "fp16"};
  return names;
}

// Where and in which type a network computes, whether or not the device is there; mixed_precision "no" or
// "bf16". EnvironmentError for fp16 on the CPU; ConfigError for mixed precision over weights that are not
// fp32.
inline ParamOptions params_for(const at::Device& device, const std::string& dtype,
                               const std::string& mixed_precision = "no") {
  if (mixed_precision == "bf16") {
    if (dtype != "fp32")
      throw ConfigError(
          "device", cat("mixed_precision computes in a shorter type over weights in fp32; got dtype '", dtype,
                        "'; use dtype 'fp32', or mixed_precision 'no'"));
    return {device, at::kFloat, at::kBFloat16};
  }
  if (dtype == "fp32") return {device, at::kFloat};
  if (dtype == "bf16") return {device, at::kBFloat16};
  GAMUT_CHECK(dtype == "fp16", "dtype ", dtype);
  if (device.is_cpu())
    throw EnvironmentError(
        "device", "the CPU computes in fp32 and bf16; got dtype 'fp16'; use 'bf16', or device 'cuda'");
  return {device, at::kHalf};
}

// The same on a device that is there. EnvironmentError when it is not.
inline ParamOptions open_device(const std::string& device_name, const std::string& dtype,
                                const std::string& mixed_precision = "no") {
  return params_for(open_device(device_name), dtype, mixed_precision);
}

}  // namespace gamut::nn
