// SPDX-License-Identifier: Apache-2.0
#include "gamut/diversity/irs.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace gamut::diversity {

namespace {

constexpr int64_t kQueryRows = 256;  // rows of generated features whose distances are held at once

at::Tensor checked_rows(const at::Tensor& features, const char* what) {
  if (features.dim() != 2 || features.size(0) == 0 || features.size(1) == 0) {
    throw DataError("retrieval",
                    cat(what, " features must be [n, d] with n, d >= 1; got shape ", features.sizes()));
  }
  const at::Tensor f_ND = features.detach().to(at::kCPU, at::kDouble).contiguous();
  if (!f_ND.isfinite().all().item<bool>()) {
    throw DataError("retrieval", cat(what, " features must be finite; got a NaN or an infinity"));
  }
  return f_ND;
}

// ln P(s + 1) - ln P(s) with ln P = lgamma(s + 1) - lgamma(s - hits + 1) - draws ln s + const, in a form that
// does not subtract large numbers.
double log_gain(int64_t reach, int64_t hits, int64_t draws) {
  const double s = double(reach);
  return -std::log1p(-double(hits) / (s + 1)) - double(draws) * std::log1p(1 / s);
}

}  // namespace

int64_t likely_reach(int64_t hits, int64_t draws, int64_t total) {
  GAMUT_CHECK(hits >= 1 && hits <= std::min(draws, total), "hits ", hits, ", draws ", draws, ", total ",
              total);
  if (hits == draws) return total;
  // Rises, then falls: the first s that the next one does not improve.
  int64_t low = hits, high = total;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (log_gain(middle, hits, draws) > 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

RetrievalScore retrieval_score(const at::Tensor& generated, const at::Tensor& real) {
  const at::Tensor queries_MD = checked_rows(generated, "generated"), real_ND = checked_rows(real, "real");
  const int64_t m = queries_MD.size(0), n = real_ND.size(0);
  if (queries_MD.size(1) != real_ND.size(1)) {
    throw DataError("retrieval",
                    cat("generated and real features must have one width; got ", queries_MD.size(1), " and ",
                        real_ND.size(1), "; use the same extractor for both"));
  }
  std::set<int64_t> hit;
  for (int64_t start = 0; start < m; start += kQueryRows) {
    const at::Tensor part = queries_MD.slice(0, start, std::min(m, start + kQueryRows));
    // mode 2: never by a matrix product, whose rounding would blur near neighbors.
    const at::Tensor nearest = at::cdist(part, real_ND, 2.0, 2).argmin(1).contiguous();
    hit.insert(nearest.const_data_ptr<int64_t>(), nearest.const_data_ptr<int64_t>() + nearest.numel());
  }
  RetrievalScore score;
  score.hits = int64_t(hit.size());
  score.reach = likely_reach(score.hits, m, n);
  score.alpha = double(m) / double(n);
  score.irs_alpha = double(score.hits) / double(n);
  score.irs_infinity = double(score.reach) / double(n);
  return score;
}

double adjusted_retrieval(const RetrievalScore& generated, const RetrievalScore& real_test) {
  if (generated.alpha != real_test.alpha) {
    throw DataError("retrieval",
                    cat("the adjusted score compares equally many pictures; got alpha ", generated.alpha,
                        " and ", real_test.alpha, "; subsample the larger set"));
  }
  GAMUT_CHECK(real_test.reach > 0);
  return double(generated.reach) / double(real_test.reach);
}

}  // namespace gamut::diversity
