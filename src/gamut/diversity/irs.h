// SPDX-License-Identifier: Apache-2.0
// Image retrieval score (arXiv 2411.16171): n generated pictures query N real ones by their nearest neighbor
// in feature space (L2), and kappa of the real ones are hit at least once:
//
//   IRS_alpha = kappa / N, alpha = n / N          IRS_infinity = s / N
//
// s is how many real pictures the generator would reach with endless draws: were it to draw s of them
// uniformly,
//   P(kappa | s, n) = S(n, kappa) s! / ((s - kappa)! s^n), S = Stirling number of the second kind,
// and s maximizes it over kappa <= s <= N. Unlike the other measures this one needs real pictures.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gamut::diversity {

struct RetrievalScore {
  int64_t hits = 0;   // kappa
  int64_t reach = 0;  // s
  double alpha = 0, irs_alpha = 0, irs_infinity = 0;
};

// Most likely s for `hits` distinct ones in `draws` draws; `total` when no draw hit twice (hits = draws),
// since then the likelihood only rises. 1 <= hits <= min(draws, total).
int64_t likely_reach(int64_t hits, int64_t draws, int64_t total);
// Features [n, d] and [N, d]; the first of equally near real ones is hit. DataError: widths differ, NaN, no
// rows.
RetrievalScore retrieval_score(const at::Tensor& generated, const at::Tensor& real);
// Against what real pictures reach themselves: s(generated) / s(real test pictures), both of n rows.
double adjusted_retrieval(const RetrievalScore& generated, const RetrievalScore& real_test);

}  // namespace gamut::diversity
