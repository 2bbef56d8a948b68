// SPDX-License-Identifier: Apache-2.0
// Multiply-adds on registers alone: what the kernels' speed is a share of. Compiled once per path, as they
// are.
#include "gamut/nn/kernels/lanes.h"

namespace gamut::nn::kernels::GAMUT_PATH {

// Twelve chains hide the latency; returns floating-point operations done.
double peak_work(int64_t rounds, float* sink) {
  constexpr int kChains = 12;
  Floats sums[kChains], factor = splat(0.99F), addend = splat(0.5F);
  asm volatile("" : "+x"(factor), "+x"(addend));
  for (int i = 0; i < kChains; ++i) sums[i] = splat(float(i));
  for (int64_t round = 0; round < rounds; ++round) {
    for (int i = 0; i < kChains; ++i) sums[i] = sums[i] * factor + addend;
  }
  for (int i = 1; i < kChains; ++i) sums[0] += sums[i];
  store(sink, sums[0]);
  return double(rounds) * kChains * 2 * double(kLanes);
}

}  // namespace gamut::nn::kernels::GAMUT_PATH
