// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/cuda.h"

#include "gamut/core/error.h"
#include "gamut/nn/device.h"
#include "support/temp_folder.h"

#include <ATen/Context.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

namespace gamut::nn {
namespace cuda_test {

namespace fs = std::filesystem;
using testing::TempFolder;

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(cuda, names_the_libtorch_of_this_process) {
  const LibTorchBuild build = libtorch_build();
  EXPECT_TRUE(fs::exists(build.folder / "libtorch_cpu.so")) << build.folder;
  EXPECT_EQ(build.cuda, fs::exists(build.folder / "libtorch_cuda.so"));
}

TEST(cuda, reads_the_cuda_version_where_wheels_and_archives_write_it) {
  const TempFolder folder;
  EXPECT_EQ(libtorch_build_in(folder / "lib").name, "CPU build");
  write(folder / "lib/libtorch_cuda.so", "");
  EXPECT_EQ(libtorch_build_in(folder / "lib").name, "CUDA build");
  write(folder / "build-version", "2.13.0+cu129\n");
  EXPECT_EQ(libtorch_build_in(folder / "lib").name, "CUDA 12.9 build");
  write(folder / "version.py", "__version__ = '2.13.0'\ncuda: Optional[str] = '13.0'\nhip = None\n");
  EXPECT_EQ(libtorch_build_in(folder / "lib").name, "CUDA 13.0 build");
}

TEST(cuda, says_what_is_missing_in_one_line) {
  const TempFolder folder;
  const std::string none = open_cuda_in(libtorch_build_in(folder / "lib"));
  EXPECT_TRUE(holds(none, "is a CPU build; install torch's CUDA build there")) << none;

  write(folder / "lib/libtorch_cuda.so", "no library\n");
  const std::string broken = open_cuda_in(libtorch_build_in(folder / "lib"));
  EXPECT_TRUE(holds(broken, "libtorch_cuda.so' cannot be opened; got '")) << broken;
  EXPECT_TRUE(holds(broken, "install torch 2.")) << broken;
  EXPECT_EQ(std::count(broken.begin(), broken.end(), '\n'), 0);
}

TEST(cuda, a_driver_that_is_not_there_is_named) {
  const Driver driver = ask_driver();
  if (driver.problem.empty()) GTEST_SKIP() << "this machine has a GPU";
  EXPECT_TRUE(driver.gpus.empty());
  EXPECT_TRUE(holds(driver.problem, "NVIDIA's driver is")) << driver.problem;
}

// fake_cuda.cpp is a libtorch_cuda that says there is a GPU. Up to here this process has run the library's
// own start and the tests above; had any of that asked LibTorch for a GPU, it would have kept the answer.
TEST(cuda, zz_opens_libtorch_cuda_beside_libtorch_cpu) {
  const LibTorchBuild build = libtorch_build_in(GAMUT_FAKE_CUDA);
  ASSERT_TRUE(build.cuda);
  EXPECT_EQ(open_cuda_in(build), "");
  EXPECT_TRUE(at::hasCUDA());
}

}  // namespace cuda_test
}  // namespace gamut::nn
