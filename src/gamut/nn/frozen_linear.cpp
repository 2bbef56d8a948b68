// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/frozen_linear.h"

#include "gamut/core/error.h"
#include "gamut/nn/autocast.h"
#include "gamut/nn/int8.h"
#include "gamut/nn/kernels/cpu_path.h"
#include "gamut/nn/weight_blocks.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace gamut::nn {
namespace {

using at::ScalarType;
using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using OptionalTensor = std::optional<Tensor>;

// [out, in], as it is held, and the types of what it meets and of the product.
struct Matrix {
  Tensor values, scale;
  ScalarType outer, product;

  Tensor widened(const Tensor& values_part, const Tensor& scale_part) const {
    return (scale.defined() ? dequantized({values_part, scale_part}, outer) : values_part).to(product);
  }
  Tensor rows(int64_t first, int64_t count) const {
    return widened(values.narrow(0, first, count), scale.defined() ? scale.narrow(0, first, count) : scale);
  }
  Tensor columns(int64_t first, int64_t count) const {
    return widened(values.narrow(1, first, count), scale);
  }
};

Tensor joined(const std::vector<Tensor>& parts) {
  return parts.size() == 1 ? parts.front() : at::cat(parts, -1);
}

// x times the matrix, transposed: a part of the outputs per block.
Tensor forward_product(const Tensor& x, const Matrix& matrix, const OptionalTensor& bias) {
  const Tensor wide = x.to(matrix.product);
  std::vector<Tensor> parts;
  for_weight_blocks(x, matrix.values.size(0), matrix.values.size(1), [&](int64_t first, int64_t count) {
    OptionalTensor offset;
    if (bias) offset = bias->narrow(0, first, count).to(matrix.product);
    parts.push_back(project(wide, {matrix.rows(first, count), offset}));
  });
  return joined(parts);
}

// y times the matrix: a part of the inputs per block.
Tensor backward_product(const Tensor& y, const Matrix& matrix) {
  const Tensor wide = y.to(matrix.product);
  std::vector<Tensor> parts;
  for_weight_blocks(y, matrix.values.size(1), matrix.values.size(0), [&](int64_t first, int64_t count) {
    parts.push_back(project(wide, {matrix.columns(first, count).t(), std::nullopt}));
  });
  return joined(parts);
}

struct FrozenLinear : torch::autograd::Function<FrozenLinear> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const LinearWeights& linear,
                        const OptionalTensor& residual, ScalarType product) {
    context->save_for_backward({linear.weight, linear.scale});
    context->saved_data["types"] = std::vector<int64_t>{int64_t(x.scalar_type()), int64_t(product)};
    context->saved_data["residual"] = residual.has_value();
    Tensor y = forward_product(x, {linear.weight, linear.scale, x.scalar_type(), product}, linear.bias);
    if (product != x.scalar_type()) y = y.to(x.scalar_type());  // else what autocast made of it stays
    return residual ? *residual + y : y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const Tensor grad_residual = context->saved_data["residual"].toBool() ? outputs[0] : Tensor();
    if (!context->needs_input_grad(0)) return {{}, {}, grad_residual, {}};
    const variable_list kept = context->get_saved_variables();
    const std::vector<int64_t> types = context->saved_data["types"].toIntVector();
    const ScalarType outer = ScalarType(types[0]), product = ScalarType(types[1]);
    const Tensor grad_y = outputs[0].contiguous();
    // Autocast may have made y, and so its gradient, of a shorter type than x.
    const ScalarType met = grad_y.scalar_type();
    const Matrix matrix{kept[0], kept[1], met, product == outer ? met : product};
    return {backward_product(grad_y, matrix).to(outer), {}, grad_residual, {}};
  }
};

}  // namespace

ScalarType frozen_product_type(const Tensor& x) {
  return x.is_cpu() && x.scalar_type() == at::kBFloat16 && !cpu_multiplies_bf16() ? at::kFloat
                                                                                  : x.scalar_type();
}

bool fits_frozen_linear(const Tensor& x, const LinearWeights& linear) {
  if (linear.scale.defined()) return true;
  const bool trains = linear.weight.requires_grad() || (linear.bias && linear.bias->requires_grad());
  return !trains && linear.weight.scalar_type() == at::kBFloat16 && x.scalar_type() == at::kBFloat16 &&
         frozen_product_type(x) != at::kBFloat16 && !AutocastState::current().type;
}

Tensor project_frozen(const Tensor& x, const LinearWeights& linear, const OptionalTensor& residual,
                      ScalarType type) {
  GAMUT_CHECK(!linear.bias || !linear.bias->requires_grad(), "the bias of a frozen layer trains");
  return FrozenLinear::apply(x, linear, residual, type);
}

}  // namespace gamut::nn
