// SPDX-License-Identifier: Apache-2.0
// Keeps the policy gradient from moving how pictures look. By Price's equation the first-order change of the
// mean of any feature phi under a policy gradient is the covariance of advantage and phi; the change of the
// features' spread is its covariance with their squares. Subtracting the least-squares fit of the advantages
// on those makes both 0.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::algorithms {

// advantages [B] of one iteration's members, group after group with the given sizes; look [B, F] double (e.g.
// a picture's mean ink and ground). form linear: F regressors, quadratic: F more, the squares of their
// deviations from the group's mean. Each regressor is centered within its group: prompts may differ freely,
// and group means of the advantages stay. `ridge` is relative to each regressor's variance. A group whose
// advantages are all 0 stays 0 and does not enter the fit; fewer members than regressors + 2: unchanged.
// Returns the residuals.
std::vector<double> decorrelate(const std::vector<double>& advantages, const at::Tensor& look_BF,
                                const std::vector<int64_t>& group_sizes, const std::string& form,
                                double ridge = 1e-3);

}  // namespace gamut::algorithms
