// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/error.h"
#include "gamut/python/parts.h"

#include <atomic>
#include <unistd.h>

namespace gamut::python {

// CUDA started by gamut alone is not in torch.cuda's books, and the reverse.
void check_fork(const std::string& device) {
  static std::atomic<pid_t> started_by{0};
  if (!device.starts_with("cuda")) return;
  const bool torch_says = py::module_::import("torch.cuda").attr("_is_in_bad_fork")().cast<bool>();
  pid_t first = 0;
  const bool is_first = started_by.compare_exchange_strong(first, ::getpid());
  if (torch_says || (!is_first && first != ::getpid()))
    throw EnvironmentError("device",
                           "this process was forked after CUDA had started, which CUDA does not survive; got "
                           "'cuda'; start it by multiprocessing's \"spawn\" method, or use 'cpu' in it");
}

}  // namespace gamut::python
