// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/int8.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

namespace gamut::nn {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using OptionalTensor = std::optional<Tensor>;

constexpr double kLargest = 127;

// On the CPU a matrix is passed in blocks of about so many numbers: what is made of one stays in the cache,
// and no fresh pages are asked for. A GPU takes it whole.
constexpr int64_t kBlock = 1 << 20;

// Calls work(first, count) for the blocks of `count` rows (or columns) of `each` numbers.
template <class Work>
void for_blocks(const Tensor& on, int64_t count, int64_t each, const Work& work) {
  const int64_t most = on.is_cpu() ? std::max<int64_t>(1, kBlock / each) : count;
  for (int64_t first = 0; first < count; first += most) work(first, std::min(most, count - first));
}

void quantize(const Tensor& weight, const Int8Rows& rows) {
  Tensor scaled = weight.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  const Tensor largest = at::maximum(scaled.amax(1), -scaled.amin(1)) / kLargest;
  rows.scale.copy_(at::where(largest > 0, largest, at::ones_like(largest)));
  rows.values.copy_(scaled.div_(rows.scale.unsqueeze(1)).round_().clamp_(-kLargest, kLargest));
}

// x times the rows, transposed: a part of the outputs per block.
Tensor by_rows(const Tensor& x, const Int8Rows& rows, const OptionalTensor& bias) {
  std::vector<Tensor> parts;
  for_blocks(x, rows.values.size(0), rows.values.size(1), [&](int64_t first, int64_t count) {
    const Int8Rows block{rows.values.narrow(0, first, count), rows.scale.narrow(0, first, count)};
    const OptionalTensor offset = bias ? OptionalTensor(bias->narrow(0, first, count)) : std::nullopt;
    parts.push_back(project(x, {dequantized(block, x.scalar_type()), offset}));
  });
  return parts.size() == 1 ? parts.front() : at::cat(parts, -1);
}

// y times the rows: a part of the inputs per block.
Tensor by_columns(const Tensor& y, const Int8Rows& rows) {
  std::vector<Tensor> parts;
  for_blocks(y, rows.values.size(1), rows.values.size(0), [&](int64_t first, int64_t count) {
    const Int8Rows block{rows.values.narrow(1, first, count), rows.scale};
    parts.push_back(project(y, {dequantized(block, y.scalar_type()).t(), std::nullopt}));
  });
  return parts.size() == 1 ? parts.front() : at::cat(parts, -1);
}

struct Int8Linear : torch::autograd::Function<Int8Linear> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& values, const Tensor& scale,
                        const OptionalTensor& bias, const OptionalTensor& residual) {
    context->save_for_backward({values, scale});
    context->saved_data["type"] = int64_t(x.scalar_type());
    context->saved_data["residual"] = residual.has_value();
    const Tensor y = by_rows(x, {values, scale}, bias);
    return residual ? *residual + y : y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const Tensor grad_residual = context->saved_data["residual"].toBool() ? outputs[0] : Tensor();
    if (!context->needs_input_grad(0)) return {{}, {}, {}, {}, grad_residual};
    const variable_list kept = context->get_saved_variables();
    const Tensor grad_y = outputs[0].contiguous();
    const Tensor grad_x = by_columns(grad_y, {kept[0], kept[1]});
    return {grad_x.to(at::ScalarType(context->saved_data["type"].toInt())), {}, {}, {}, grad_residual};
  }
};

}  // namespace

Int8Rows quantized(const Tensor& weight) {
  const at::NoGradGuard no_grad;
  GAMUT_CHECK(weight.dim() == 2 && weight.is_floating_point(), "weight is ", weight.sizes());
  const Int8Rows rows{at::empty(weight.sizes(), weight.options().dtype(at::kChar)),
                      at::empty({weight.size(0)}, weight.options().dtype(at::kFloat))};
  if (weight.is_meta()) return rows;
  for_blocks(weight, weight.size(0), weight.size(1), [&](int64_t first, int64_t count) {
    quantize(weight.detach().narrow(0, first, count),
             {rows.values.narrow(0, first, count), rows.scale.narrow(0, first, count)});
  });
  return rows;
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
