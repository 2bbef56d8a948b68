// SPDX-License-Identifier: Apache-2.0
// Distances and clusters of one prompt group, with four modes, on features as wide as CLIP's.
//   build/bench_gamut --benchmark_filter=clusters        (from the project's folder)
#include "gamut/core/random.h"
#include "gamut/diversity/distances.h"
#include "gamut/diversity/spectral.h"

#include <ATen/ATen.h>
#include <benchmark/benchmark.h>

#include <vector>

namespace {

using namespace gamut;

at::Tensor features_of_four_modes(int64_t n, int64_t d) {
  std::vector<float> modes(size_t(4 * d)), members(size_t(n * d));
  Stream(0, "bench.modes").fill_normal(modes);
  Stream(0, "bench.members").fill_normal(members);
  return at::tensor(modes).view({4, d}).repeat({n / 4, 1}) + 0.1 * at::tensor(members).view({n, d});
}

void clusters(benchmark::State& state) {
  const at::Tensor features_ND = features_of_four_modes(state.range(0), 512);
  for (auto _ : state) {
    benchmark::DoNotOptimize(diversity::spectral_clusters(diversity::cosine_distances(features_ND), {}));
  }
}
BENCHMARK(clusters)->Arg(16)->Arg(24)->Arg(64)->Unit(benchmark::kMicrosecond);

}  // namespace
