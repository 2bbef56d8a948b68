// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/rotary.h"

#include <ATen/ATen.h>

namespace gamut::nn {

using at::Tensor;

Tensor rotary_table(const Tensor& ids, const RotaryOptions& options, at::ScalarType dtype) {
  const Tensor places = ids.to(at::kDouble);
  std::vector<Tensor> angles;
  for (size_t axis = 0; axis < options.axes.size(); ++axis) {
    const int64_t width = options.axes[axis];
    const Tensor exponents = at::arange(0, width, 2, places.options()) / double(width);
    angles.push_back(
        at::outer(places.select(1, int64_t(axis)), at::pow(options.theta, exponents).reciprocal()));
  }
  const Tensor all = at::cat(angles, 1).unsqueeze(1);
  // at::polar would do, but for the meta device.
  return at::view_as_complex(
      at::stack({all.cos(), all.sin()}, -1).to(dtype == at::kDouble ? at::kDouble : at::kFloat));
}

Tensor rotated(const Tensor& x, const Tensor& table) {
  const at::ScalarType real = table.scalar_type() == at::kComplexDouble ? at::kDouble : at::kFloat;
  const Tensor pairs = x.to(real).unflatten(3, at::IntArrayRef{x.size(3) / 2, 2}).contiguous();
  return at::view_as_real(at::view_as_complex(pairs) * table).flatten(3).to(x.scalar_type());
}

}  // namespace gamut::nn
