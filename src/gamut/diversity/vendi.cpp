// SPDX-License-Identifier: Apache-2.0
// Friedman and Dieng, "The Vendi Score", 2022; orders other than 1: Pasarkar and Dieng, 2023.
#include "gamut/diversity/vendi.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace gamut::diversity {

namespace {

// Rounding leaves eigenvalues of about this size where the true one is 0; small orders would count them.
constexpr double kZeroEigenvalue = 1e-12;
constexpr double kOrderOne = 1e-8;         // orders this near to 1 are 1, where the general formula is 0 / 0
constexpr double kKernelTolerance = 1e-6;  // of a kernel made in float32

void require_finite(const at::Tensor& values, const char* what) {
  if (!values.isfinite().all().item<bool>()) {
    throw NumericalError("vendi", cat(what, " must be finite; got a NaN or an infinity"));
  }
}

}  // namespace

double vendi_from_kernel(const at::Tensor& kernel, double q) {
  GAMUT_CHECK(kernel.dim() == 2 && kernel.size(0) == kernel.size(1) && kernel.size(0) > 0, "shape ",
              kernel.sizes());
  GAMUT_CHECK(q >= 0, "order is ", q);
  const int64_t n = kernel.size(0);
  const at::Tensor k_NN = kernel.detach().to(at::kCPU, at::kDouble);
  require_finite(k_NN, "the kernel");
  const at::Tensor values = at::linalg_eigvalsh((k_NN + k_NN.t()) / (2.0 * double(n))).contiguous();

  const double* lambda = values.const_data_ptr<double>();
  const double largest = lambda[n - 1];
  if (std::isinf(q)) return std::clamp(1 / largest, 1.0, double(n));
  const bool is_shannon = std::abs(q - 1) < kOrderOne;
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (lambda[i] < kZeroEigenvalue) continue;
    // Relative to the largest: the powers of a high order would all underflow.
    sum += is_shannon ? -lambda[i] * std::log(lambda[i]) : std::pow(lambda[i] / largest, q);
  }
  const double score = std::exp(is_shannon ? sum : (q * std::log(largest) + std::log(sum)) / (1 - q));
  return std::clamp(score, 1.0, double(n));
}

at::Tensor cosine_kernel(const at::Tensor& features) {
  GAMUT_CHECK(features.dim() == 2 && features.size(0) > 0, "shape ", features.sizes());
  const at::Tensor f_ND = features.detach().to(at::kCPU, at::kDouble);
  require_finite(f_ND, "features");
  const at::Tensor norm_N1 = f_ND.norm(2, 1, true);
  const at::Tensor unit_ND = f_ND / at::where(norm_N1 > 0, norm_N1, 1.0);
  const at::Tensor is_zero_N = norm_N1.squeeze(1).eq(0).to(at::kDouble);
  at::Tensor k_NN = unit_ND.mm(unit_ND.t()) + is_zero_N.outer(is_zero_N);
  k_NN.diagonal().fill_(1);
  return k_NN;
}

at::Tensor checked_kernel(const at::Tensor& kernel) {
  if (kernel.dim() != 2 || kernel.size(0) != kernel.size(1) || kernel.size(0) == 0) {
    throw DataError(
        "diversity",
        cat("a kernel must be a square matrix, one row and column per member; got shape ", kernel.sizes()));
  }
  const at::Tensor k_NN = kernel.detach().to(at::kCPU, at::kDouble);
  const auto require = [&](bool is_true, const char* rule) {
    if (!is_true) throw DataError("diversity", cat("a kernel must ", rule, " to within 1e-6"));
  };
  if (!k_NN.isfinite().all().item<bool>()) {
    throw DataError("diversity", "a kernel must be finite; got a NaN or an infinity");
  }
  const double tolerance = kKernelTolerance * std::max(1.0, k_NN.abs().max().item<double>());
  require((k_NN - k_NN.t()).abs().max().item<double>() <= tolerance, "be symmetric");
  require((k_NN.diagonal() - 1).abs().max().item<double>() <= tolerance, "have ones on its diagonal");
  require(k_NN.max().item<double>() <= 1 + tolerance, "have no entry above 1");
  at::Tensor symmetric_NN = (k_NN + k_NN.t()) / 2;
  symmetric_NN.diagonal().fill_(1);
  return symmetric_NN;
}

std::vector<double> vendi_leave_one_out(const at::Tensor& kernel) {
  const double all = vendi_from_kernel(kernel);
  const int64_t n = kernel.size(0);
  if (n == 1) return {1.0};
  std::vector<double> lost;
  for (int64_t j = 0; j < n; ++j) {
    std::vector<int64_t> others;
    for (int64_t k = 0; k < n; ++k) {
      if (k != j) others.push_back(k);
    }
    const at::Tensor others_M = at::tensor(others, kernel.options().dtype(at::kLong));
    lost.push_back(all - vendi_from_kernel(kernel.index_select(0, others_M).index_select(1, others_M)));
  }
  return lost;
}

double vendi_from_features(const at::Tensor& features, double q) {
  return vendi_from_kernel(cosine_kernel(features), q);
}

}  // namespace gamut::diversity
