// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/build_info.h"

#include "gamut/core/error.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

namespace gamut::cli {

std::string build_info() {
  return cat("gamut: ", GAMUT_VERSION, "\nbuild: ", GAMUT_BUILD_TYPE, ", ", GAMUT_COMPILER,
             "\nLibTorch: ", TORCH_VERSION, "\nCPU kernels: ", at::get_cpu_capability(),
             "\nthreads: ", at::get_num_threads(), "\nCUDA: ", at::hasCUDA() ? "available" : "not available",
             "\n");
}

}  // namespace gamut::cli
