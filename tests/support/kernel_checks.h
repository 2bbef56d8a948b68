// SPDX-License-Identifier: Apache-2.0
// What tests of the CPU kernels share: inputs, and results held to fp64 on every path. Free of LibTorch, so
// that they also run alone, in an emulator, for a path that the machine lacks (docs/testing.md).
#pragma once

#include "support/cpu_paths.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace gamut::testing {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

inline Floats wave(int64_t count, double frequency) {
  Floats values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(std::sin(frequency * double(i) + 0.3));
  return values;
}

// Relative to the largest number.
inline void expect_close(const Floats& got, const Doubles& exact, double relative, const char* what) {
  ASSERT_EQ(got.size(), exact.size()) << what;
  double size = 0, worst = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    size = std::max(size, std::abs(exact[i]));
    worst = std::max(worst, std::abs(double(got[i]) - exact[i]));
  }
  EXPECT_LE(worst, relative * size) << what;
}

// What `compute` gives on each path is `exact`, and the same bits wherever multiply-adds fuse.
inline void expect_on_every_path(const std::function<Floats()>& compute, const Doubles& exact,
                                 double relative, const char* what) {
  Floats fused;
  for (const nn::CpuPath path : nn::runnable_cpu_paths()) {
    SCOPED_TRACE(nn::cpu_path_name(path));
    const OnCpuPath scope(path);
    const Floats got = compute();
    expect_close(got, exact, relative, what);
    if (path == nn::CpuPath::kBaseline) continue;
    if (!fused.empty()) {
      EXPECT_EQ(got, fused) << what << ": other bits than on the path before";
    }
    fused = got;
  }
}

}  // namespace gamut::testing
