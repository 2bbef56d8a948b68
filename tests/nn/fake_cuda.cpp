// SPDX-License-Identifier: Apache-2.0
// A libtorch_cuda.so for tests: it registers itself as the real one does, and says that there is one GPU.
#include <ATen/detail/CUDAHooksInterface.h>

namespace at::cuda::detail {

struct CUDAHooks : at::CUDAHooksInterface {
  explicit CUDAHooks(at::CUDAHooksArgs) {}
  bool hasCUDA() const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
};

REGISTER_CUDA_HOOKS(CUDAHooks)

}  // namespace at::cuda::detail
