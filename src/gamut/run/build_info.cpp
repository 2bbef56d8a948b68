// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/build_info.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/nn/cuda.h"
#include "gamut/nn/kernels/cpu_path.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include <cstdlib>

namespace gamut::run {
namespace {

// How waiting threads behave, by the variables that say it (idle_threads.cpp).
std::string waiting() {
  std::string text;
  for (const char* name : {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "KMP_BLOCKTIME"})
    if (const char* value = std::getenv(name))
      text += cat(text.empty() ? " (" : ", ", name, "=", printable(value));
  return text.empty() ? text : text + ")";
}

// "available: NVIDIA H100 80GB HBM3 (81079 MiB); driver for CUDA 13.0", or what is missing for that.
std::string gpus() {
  if (!nn::open_cuda().empty()) return cat("not available: ", nn::open_cuda());
  const nn::Driver driver = nn::ask_driver();
  std::string text;
  for (const nn::Gpu& gpu : driver.gpus)
    text += cat(text.empty() ? "" : ", ", gpu.name, " (", gpu.bytes >> 20, " MiB)");
  return cat("available: ", text, "; driver for CUDA ", driver.cuda);
}

}  // namespace

std::string version() { return cat("gamut ", GAMUT_VERSION); }

std::string build_info(const std::string& device) {
  const nn::LibTorchBuild libtorch = nn::libtorch_build();
  return cat("gamut: ", GAMUT_VERSION, "\nbuild: ", GAMUT_BUILD_TYPE, ", ", GAMUT_COMPILER,
             "\nLibTorch: ", TORCH_VERSION, ", ", libtorch.name, ", in ",
             printable(libtorch.folder.string(), 300), "\nCPU capability: ", at::get_cpu_capability(),
             "\nCPU kernels: ", nn::describe_cpu_path(), "\nthreads: ", at::get_num_threads(), waiting(),
             "\n", device == "cuda" ? cat("CUDA: ", gpus(), "\n") : "");
}

}  // namespace gamut::run
