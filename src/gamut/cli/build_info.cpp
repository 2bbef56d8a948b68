// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/build_info.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/nn/kernels/cpu_path.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include <cstdlib>

namespace gamut::cli {
namespace {

// How waiting threads behave, by the variables that say it (idle_threads.cpp).
std::string waiting() {
  std::string text;
  for (const char* name : {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "KMP_BLOCKTIME"})
    if (const char* value = std::getenv(name)) text += cat(text.empty() ? " (" : ", ", name, "=", printable(value));
  return text.empty() ? text : text + ")";
}

}  // namespace

std::string version() { return cat("gamut ", GAMUT_VERSION); }

std::string build_info() {
  return cat("gamut: ", GAMUT_VERSION, "\nbuild: ", GAMUT_BUILD_TYPE, ", ", GAMUT_COMPILER, "\nLibTorch: ", TORCH_VERSION,
             ", CPU capability ", at::get_cpu_capability(), "\nCPU kernels: ", nn::describe_cpu_path(),
             "\nthreads: ", at::get_num_threads(), waiting(), "\nCUDA: ", at::hasCUDA() ? "available" : "not available",
             "\n");
}

}  // namespace gamut::cli
