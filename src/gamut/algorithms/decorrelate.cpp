// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/decorrelate.h"

#include "gamut/algorithms/moments.h"
#include "gamut/core/error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace gamut::algorithms {
namespace {

using Column = std::vector<double>;
using Ranges = std::vector<std::pair<size_t, size_t>>;  // of rows: first, one past the last

// Variances below this share of the largest are rounding, e.g. of principal components beyond the rank.
constexpr double kRounding = 1e-18;

// Rows of groups that carry a signal.
Ranges live_groups(const Column& advantages, const std::vector<int64_t>& sizes) {
  Ranges live;
  size_t start = 0;
  for (const int64_t size : sizes) {
    const size_t end = start + size_t(size);
    if (std::any_of(advantages.begin() + int64_t(start), advantages.begin() + int64_t(end),
                    [](double advantage) { return advantage != 0; }))
      live.emplace_back(start, end);
    start = end;
  }
  GAMUT_CHECK(start == advantages.size(), "groups hold ", start, " of ", advantages.size(), " members");
  return live;
}

// The rows of live groups, minus each group's mean.
Column centered(const Column& values, const Ranges& groups) {
  Column out;
  for (const auto& [start, end] : groups) {
    const double mean = mean_of({values.begin() + int64_t(start), values.begin() + int64_t(end)});
    for (size_t row = start; row < end; ++row) out.push_back(values[row] - mean);
  }
  return out;
}

double mean_product(const Column& a, const Column& b) {
  Column products;
  for (size_t row = 0; row < a.size(); ++row) products.push_back(a[row] * b[row]);
  return mean_of(std::move(products));
}

// Of variance 1; regressors that do not vary, or only by rounding, are left out.
void keep_scaled(Column column, double least_variance, std::vector<Column>& regressors) {
  const double variance = mean_product(column, column);
  if (!(variance > least_variance)) return;
  for (double& value : column) value /= std::sqrt(variance);
  regressors.push_back(std::move(column));
}

// The same groups among live rows alone.
Ranges closed_up(const Ranges& groups) {
  Ranges live;
  for (const auto& [start, end] : groups) {
    const size_t first = live.empty() ? 0 : live.back().second;
    live.emplace_back(first, first + end - start);
  }
  return live;
}

std::vector<Column> regressors_of(const at::Tensor& look_BF, const Ranges& groups, const std::string& form) {
  const at::Tensor look = look_BF.detach().to(at::kCPU, at::kDouble).t().contiguous();
  std::vector<Column> linear;
  double largest = 0;  // variance
  for (int64_t f = 0; f < look.size(0); ++f) {
    const double* values = look[f].const_data_ptr<double>();
    linear.push_back(centered(Column(values, values + look.size(1)), groups));
    largest = std::max(largest, mean_product(linear.back(), linear.back()));
  }
  std::vector<Column> regressors;
  for (const Column& column : linear) {
    keep_scaled(column, kRounding * largest, regressors);
    if (form != "quadratic") continue;
    Column squares;
    for (const double value : column) squares.push_back(value * value);
    keep_scaled(centered(squares, closed_up(groups)), kRounding * largest * largest, regressors);
  }
  return regressors;
}

// Solves (C + ridge I) x = b by Cholesky's method; C holds the covariances of the regressors.
Column ridge_fit(const std::vector<Column>& regressors, const Column& target, double ridge) {
  const size_t count = regressors.size();
  std::vector<Column> lower(count, Column(count, 0.0));
  Column x(count);
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = mean_product(regressors[i], regressors[j]) + (i == j ? ridge : 0.0);
      for (size_t k = 0; k < j; ++k) sum -= lower[i][k] * lower[j][k];
      // Without a ridge two equal regressors leave rounding here; the second then gets no weight.
      lower[i][j] =
          i != j ? (lower[j][j] > 0 ? sum / lower[j][j] : 0.0) : (sum > 1e-14 ? std::sqrt(sum) : 0.0);
    }
    x[i] = mean_product(regressors[i], target);
    for (size_t k = 0; k < i; ++k) x[i] -= lower[i][k] * x[k];
    x[i] = lower[i][i] > 0 ? x[i] / lower[i][i] : 0.0;
  }
  for (size_t i = count; i-- > 0;) {
    for (size_t k = i + 1; k < count; ++k) x[i] -= lower[k][i] * x[k];
    x[i] = lower[i][i] > 0 ? x[i] / lower[i][i] : 0.0;
  }
  return x;
}

}  // namespace

std::vector<double> decorrelate(const std::vector<double>& advantages, const at::Tensor& look_BF,
                                const std::vector<int64_t>& group_sizes, const std::string& form,
                                double ridge) {
  if (form == "none" || advantages.empty()) return advantages;
  GAMUT_CHECK(look_BF.dim() == 2 && look_BF.size(0) == int64_t(advantages.size()), "look is ",
              look_BF.sizes());
  GAMUT_CHECK(look_BF.isfinite().all().item<bool>(), "the look of a picture is not finite");
  const auto groups = live_groups(advantages, group_sizes);
  const std::vector<Column> regressors = regressors_of(look_BF, groups, form);
  const Column target = centered(advantages, groups);
  if (regressors.empty() || target.size() < regressors.size() + 2) return advantages;

  const Column weights = ridge_fit(regressors, target, ridge);
  Column residuals = advantages;
  size_t row = 0;
  for (const auto& [start, end] : groups)
    for (size_t member = start; member < end; ++member, ++row)
      for (size_t k = 0; k < weights.size(); ++k) residuals[member] -= weights[k] * regressors[k][row];
  return residuals;
}

}  // namespace gamut::algorithms
