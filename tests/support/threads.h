// SPDX-License-Identifier: Apache-2.0
// Computes with so many threads while it lives. One is far faster for tiny networks on a busy machine, where
// every parallel loop waits for its second thread to be scheduled.
#pragma once

#include <ATen/Parallel.h>

namespace gamut::testing {

class Threads {
 public:
  explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

}  // namespace gamut::testing
