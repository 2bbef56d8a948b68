// SPDX-License-Identifier: Apache-2.0
// Tests of what the CPU kernels compute, run on every path that the machine can execute.
//
//   TEST_ON_CPU_PATHS(token_linear, equals_the_definition) { … }
#pragma once

#include "gamut/nn/kernels/cpu_path.h"

#include <gtest/gtest.h>

namespace gamut::testing {

// The kernels take this path while it lives.
class OnCpuPath {
 public:
  explicit OnCpuPath(nn::CpuPath path) : before_(nn::cpu_path()) { nn::use_cpu_path(path); }
  ~OnCpuPath() { nn::use_cpu_path(before_); }
  OnCpuPath(const OnCpuPath&) = delete;
  OnCpuPath& operator=(const OnCpuPath&) = delete;

 private:
  nn::CpuPath before_;
};

inline void on_every_cpu_path(void (*body)()) {
  for (const nn::CpuPath path : nn::runnable_cpu_paths()) {
    SCOPED_TRACE(nn::cpu_path_name(path));
    const OnCpuPath scope(path);
    body();
  }
}

}  // namespace gamut::testing

#define TEST_ON_CPU_PATHS(suite, name)                                                    \
  static void suite##_##name##_on_this_path();                                            \
  TEST(suite, name) { gamut::testing::on_every_cpu_path(suite##_##name##_on_this_path); } \
  static void suite##_##name##_on_this_path()
