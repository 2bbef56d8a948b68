// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/int8.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace gamut::nn {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using OptionalTensor = std::optional<Tensor>;

constexpr double kLargest = 127;

struct Int8Linear : torch::autograd::Function<Int8Linear> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& values, const Tensor& scale,
                        const OptionalTensor& bias, const OptionalTensor& residual) {
    context->save_for_backward({values, scale});
    context->saved_data["type"] = int64_t(x.scalar_type());
    context->saved_data["residual"] = residual.has_value();
    return project(x, {dequantized({values, scale}, x.scalar_type()), bias}, residual);
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const Tensor grad_residual = context->saved_data["residual"].toBool() ? outputs[0] : Tensor();
    if (!context->needs_input_grad(0)) return {{}, {}, {}, {}, grad_residual};
    const variable_list kept = context->get_saved_variables();
    const Tensor grad_y = outputs[0].contiguous();
    const Tensor weight = dequantized({kept[0], kept[1]}, grad_y.scalar_type());
    // The same product as a layer's own, by the transposed matrix.
    const Tensor grad_x = project(grad_y, {weight.t(), std::nullopt});
    return {grad_x.to(at::ScalarType(context->saved_data["type"].toInt())), {}, {}, {}, grad_residual};
  }
};

}  // namespace

Int8Rows quantized(const Tensor& weight) {
  const at::NoGradGuard no_grad;
  GAMUT_CHECK(weight.dim() == 2 && weight.is_floating_point(), "weight is ", weight.sizes());
  if (weight.is_meta())
    return {at::empty(weight.sizes(), weight.options().dtype(at::kChar)),
            at::empty({weight.size(0)}, weight.options().dtype(at::kFloat))};
  Tensor scaled = weight.detach().to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  const Tensor largest = at::maximum(scaled.amax(1), -scaled.amin(1)) / kLargest;
  const Tensor scale = at::where(largest > 0, largest, at::ones_like(largest));
  scaled.div_(scale.unsqueeze(1)).round_().clamp_(-kLargest, kLargest);
  return {scaled.to(at::kChar), scale};
}

Tensor dequantized(const Int8Rows& rows, at::ScalarType type) {
  const at::NoGradGuard no_grad;
  // On the CPU mul_out makes a copy of the numbers in fp32 first, which here is the result.
  if (type == at::kFloat) return rows.values.to(type).mul_(rows.scale.unsqueeze(1));
  Tensor weight = at::empty(rows.values.sizes(), rows.values.options().dtype(type));
  at::mul_out(weight, rows.values, rows.scale.unsqueeze(1));
  return weight;
}

Tensor project_int8(const Tensor& x, const LinearWeights& linear, const OptionalTensor& residual) {
  GAMUT_CHECK(!linear.bias || !linear.bias->requires_grad(), "the bias of a layer in int8 trains");
  return Int8Linear::apply(x, linear.weight, linear.scale, linear.bias, residual);
}

}  // namespace gamut::nn
