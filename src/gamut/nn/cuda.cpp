// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/cuda.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <fstream>
#include <regex>

namespace gamut::nn {
namespace {

namespace fs = std::filesystem;
constexpr const char* kCudaLibrary = "libtorch_cuda.so";

fs::path libtorch_folder() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&at::get_num_threads), &info) == 0 || info.dli_fname == nullptr)
    return {};
  return fs::path(info.dli_fname).parent_path().lexically_normal();
}

// A wheel writes it to version.py ("cuda: … = '13.0'"), an unpacked LibTorch to build-version
// ("2.13.0+cu130").
std::string cuda_version(const fs::path& root) {
  const std::regex patterns[] = {std::regex("^cuda.*= '([0-9.]+)'"), std::regex("\\+cu([0-9]+)([0-9])$")};
  for (const char* file : {"version.py", "build-version"}) {
    std::ifstream in(root / file);
    std::smatch match;
    for (std::string line; std::getline(in, line);)
      for (const std::regex& pattern : patterns)
        if (std::regex_search(line, match, pattern))
          return match.size() == 2 ? match[1].str() : cat(match[1].str(), ".", match[2].str());
  }
  return "";
}

// The four calls of NVIDIA's driver that say what is there; types as in its manual.
struct DriverLibrary {
  void* handle = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);

  template <class... Arguments>
  bool call(const char* name, Arguments... arguments) const {
    using Function = int (*)(Arguments...);
    const auto function = reinterpret_cast<Function>(dlsym(handle, name));
    return function != nullptr && function(arguments...) == 0;
  }
};

}  // namespace

LibTorchBuild libtorch_build_in(const fs::path& folder) {
  LibTorchBuild build{.folder = folder, .cuda = fs::exists(folder / kCudaLibrary), .name = "CPU build"};
  if (!build.cuda) return build;
  const std::string version = cuda_version(folder.parent_path());
  build.name = version.empty() ? "CUDA build" : cat("CUDA ", version, " build");
  return build;
}

LibTorchBuild libtorch_build() { return libtorch_build_in(libtorch_folder()); }

std::string open_cuda_in(const LibTorchBuild& build) {
  if (!build.cuda)
    return cat("LibTorch in '", printable(build.folder.string(), 300),
               "' is a CPU build; install torch's CUDA build there, or name one in CMAKE_PREFIX_PATH when "
               "building gamut");
  const std::string library = (build.folder / kCudaLibrary).string();
  if (dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    const char* reason = dlerror();
    return cat("'", printable(library, 300), "' cannot be opened; got '",
               printable(reason == nullptr ? "" : reason, 300), "'; install torch ", TORCH_VERSION,
               " with all its dependencies there (pip install without --no-deps)");
  }
  if (at::hasCUDA()) return "";
  const Driver driver = ask_driver();
  if (!driver.problem.empty()) return driver.problem;
  return cat("NVIDIA's driver runs CUDA up to ", driver.cuda, ", and LibTorch is a ", build.name,
             "; install a newer driver, or a LibTorch for that CUDA");
}

const std::string& open_cuda() {
  static const std::string problem = open_cuda_in(libtorch_build());
  return problem;
}

Driver ask_driver() {
  Driver driver;
  const DriverLibrary library;
  if (library.handle == nullptr) {
    driver.problem =
        "NVIDIA's driver is not installed (no libcuda.so.1); install it, or start the container with its "
        "GPUs";
    return driver;
  }
  int version = 0, count = 0;
  if (library.call("cuDriverGetVersion", &version))
    driver.cuda = cat(version / 1000, ".", version % 1000 / 10);
  if (!library.call("cuInit", 0U) || !library.call("cuDeviceGetCount", &count) || count == 0) {
    driver.problem =
        "NVIDIA's driver is installed and sees no GPU; nvidia-smi says more, and CUDA_VISIBLE_DEVICES may "
        "hide it";
    return driver;
  }
  for (int device = 0; device < count; ++device) {
    char name[256] = "";
    size_t bytes = 0;
    library.call("cuDeviceGetName", &name[0], int(sizeof name), device);
    library.call("cuDeviceTotalMem_v2", &bytes, device);
    driver.gpus.push_back({printable(name), int64_t(bytes)});
  }
  return driver;
}

}  // namespace gamut::nn
