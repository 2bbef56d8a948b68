// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/sliced_predict.h"

#include "gamut/nn/autocast.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

namespace gamut::models {
namespace {

using at::Tensor;

// With fewer, reading the weights once per thread would outweigh.
constexpr int64_t kRowsPerThread = 4;

bool fits(const Tensor& x, int64_t threads) {
  return threads > 1 && x.size(0) >= threads * kRowsPerThread && !at::GradMode::is_enabled() &&
         !at::in_parallel_region() && !x.is_meta() && nn::fits_float_kernels(x);
}

}  // namespace

Tensor predict_by_threads(const Denoiser& denoiser, const Tensor& x, const Tensor& model_time,
                          const Conditioning& cond) {
  const int64_t rows = x.size(0), threads = at::get_num_threads();
  if (!fits(x, threads)) return denoiser.predict(x, model_time, cond);
  std::vector<Tensor> slices(static_cast<size_t>(threads));
  at::parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;  // a thread's own
    for (int64_t slice = begin; slice < end; ++slice) {
      const int64_t first = rows * slice / threads, count = rows * (slice + 1) / threads - first;
      const Tensor time = model_time.numel() == 1 ? model_time : model_time.narrow(0, first, count);
      slices[static_cast<size_t>(slice)] =
          denoiser.predict(x.narrow(0, first, count), time, cond.rows(first, count));
    }
  });
  return at::cat(slices);
}

}  // namespace gamut::models
