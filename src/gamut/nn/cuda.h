// SPDX-License-Identifier: Apache-2.0
// libtorch_cuda, opened while the program runs: one program serves CPU and CUDA builds of LibTorch, and
// building it takes no toolkit of NVIDIA's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gamut::nn {

// The LibTorch that this process runs with.
struct LibTorchBuild {
  std::filesystem::path folder;  // of its libraries
  bool cuda = false;             // libtorch_cuda lies there
  std::string name;  // "CPU build" | "CUDA 13.0 build" | "CUDA build" where the version is not written
};
LibTorchBuild libtorch_build();
// The same for any folder of libraries.
LibTorchBuild libtorch_build_in(const std::filesystem::path& folder);

// Opens libtorch_cuda the first time that it is called, which must be before anything asks LibTorch for a
// GPU. "" when a GPU can be used; else what is missing and what to do, one line.
const std::string& open_cuda();
// The same without memory of it, from any folder of libraries.
std::string open_cuda_in(const LibTorchBuild& build);

struct Gpu {
  std::string name;
  int64_t bytes = 0;
};
// What NVIDIA's driver sees, asked directly, so that it needs no LibTorch of a CUDA build.
struct Driver {
  std::string problem;  // "" when there is a GPU
  std::string cuda;     // newest CUDA that the driver runs: "13.0"; "" without a driver
  std::vector<Gpu> gpus;
};
Driver ask_driver();

}  // namespace gamut::nn
