// SPDX-License-Identifier: Apache-2.0
// advantage.kind = tmpo: trajectory matching (TMPO, arXiv 2605.10983). Within a group of G members
//
//   q = softmax(beta z), z the rewards standardized within the group        the target
//   p = softmax(s), s_j = sum over trained steps of log p(x_{t+1} | x_t)    the policy
//   L = KL(q || p), so dL/ds_j = p_j - q_j
//
// which is the gradient that the policy gradient's surrogate has at ratio 1 with the advantage q_j - p_j. It
// is given times G, so that its mean over members is of the size of other advantages. Log-probabilities are
// means over a latent's elements, as everywhere (docs/notation.md).
#pragma once

#include <vector>

namespace gamut::algorithms {

// G (q_j - p_j). `log_probs`: s, or empty: p = 1 / G. Exactly 0 in a group whose rewards are all equal.
std::vector<double> tmpo_advantages(const std::vector<double>& rewards, const std::vector<double>& log_probs,
                                    double beta);

}  // namespace gamut::algorithms
