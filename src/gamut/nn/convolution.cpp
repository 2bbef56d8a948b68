// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/convolution.h"

#include "gamut/nn/autocast.h"
#include "gamut/nn/cost.h"
#include "gamut/nn/kernels/weight_gradient.h"
#include "gamut/nn/row_tasks.h"
#include "gamut/nn/tiled_convolution.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

namespace gamut::nn {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using OptionalTensor = std::optional<Tensor>;

constexpr auto kLayout = at::MemoryFormat::ChannelsLast;

// oneDNN by name: at::conv2d would choose a slower kernel, and other rounding, for a batch of one.
Tensor onednn(const Tensor& x, const Tensor& weight, const OptionalTensor& bias,
              const ConvGeometry& geometry) {
  const int64_t stride = geometry.stride, padding = geometry.padding;
  if (x.is_meta()) return at::conv2d(x, weight, bias, stride, padding);
  return at::mkldnn_convolution(x, weight, bias, {padding, padding}, {stride, stride}, {1, 1}, 1);
}

// The gradient of the weight [out, in, k, k] by the kernel; x and grad_y are channels-last.
Tensor kernel_weight_gradient(const Tensor& x, const Tensor& grad_y, int64_t size,
                              const ConvGeometry& geometry) {
  const kernels::ConvShape shape{x.size(0),       x.size(2),       x.size(3),      x.size(1),
                                 grad_y.size(2),  grad_y.size(3),  grad_y.size(1), size,
                                 geometry.stride, geometry.padding};
  // Dense [out, k, k, in] memory seen as [out, in, k, k].
  const Tensor dense = at::zeros({shape.out_channels, size, size, shape.in_channels}, x.options());
  const float *from = const_pointer(x), *incoming = const_pointer(grad_y);
  float* to = pointer(dense);
  if (x.is_meta()) {
    const int64_t places = grad_y.numel() / shape.out_channels;
    count_flops(2.0 * double(dense.numel()) * double(places));
  } else {
    at::parallel_for(0, kernels::weight_gradient_tiles(shape), 1, [&](int64_t begin, int64_t end) {
      kernels::add_weight_gradient(shape, from, incoming, begin, end, to);
    });
  }
  return dense.permute({0, 3, 1, 2});
}

Tensor bias_gradient(const Tensor& grad_y) {
  const int64_t out = grad_y.size(1);
  const float* from = const_pointer(grad_y);
  return sum_over_rows(grad_y.options(), grad_y.numel() / out, out,
                       [&](int64_t row, int64_t count, float* own) {
                         kernels::add_column_sums(count, out, from + row * out, own);
                       });
}

bool fits_weight_kernel(const Tensor& weight) {
  return weight.size(1) % kernels::kInMultiple == 0 && weight.size(0) % kernels::kOutMultiple == 0;
}

struct Convolution : torch::autograd::Function<Convolution> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const OptionalTensor& bias, int64_t stride, int64_t padding) {
    context->save_for_backward({x, weight});
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    context->saved_data["bias"] = bias.has_value();
    const ConvGeometry geometry{stride, padding};
    return by_tiles(x, weight, geometry) ? convolve_tiles(x, weight, bias)
                                         : onednn(x, weight, bias, geometry);
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const variable_list kept = context->get_saved_variables();
    const Tensor &x = kept[0], &weight = kept[1], grad_y = outputs[0].contiguous(kLayout);
    const ConvGeometry geometry{context->saved_data["stride"].toInt(),
                                context->saved_data["padding"].toInt()};
    const bool tiled = by_tiles(x, weight, geometry);
    const bool with_weight = context->needs_input_grad(1),
               own_weight = with_weight && fits_weight_kernel(weight);
    const bool with_bias = context->saved_data["bias"].toBool() && context->needs_input_grad(2);
    const std::array<bool, 3> rest{context->needs_input_grad(0) && !tiled, with_weight && !own_weight,
                                   with_bias && !own_weight};
    Tensor grad_x, grad_weight, grad_bias;
    if (rest[0] || rest[1] || rest[2]) {
      std::tie(grad_x, grad_weight, grad_bias) =
          at::convolution_backward(grad_y, x, weight, at::IntArrayRef{weight.size(0)}, {geometry.stride},
                                   {geometry.padding}, {1}, false, {0}, 1, rest);
    }
    if (tiled && context->needs_input_grad(0)) grad_x = tiled_input_gradient(grad_y, weight);
    if (own_weight) {
      grad_weight = tiled ? tiled_weight_gradient(x, grad_y)
                          : kernel_weight_gradient(x, grad_y, weight.size(2), geometry);
      if (with_bias) grad_bias = bias_gradient(grad_y);
    }
    return {grad_x, grad_weight, grad_bias, {}, {}};
  }

  // Meta tensors have no numbers to transform; there the direct form counts the operations and memory.
  static bool by_tiles(const Tensor& x, const Tensor& weight, const ConvGeometry& geometry) {
    return !x.is_meta() && fits_tiles(weight, geometry);
  }
};

bool fits_onednn(const Tensor& x, const Tensor& weight) {
  return fits_float_kernels(x) && weight.scalar_type() == at::kFloat && x.numel() > 0 &&
         at::globalContext().hasMKLDNN() && at::globalContext().userEnabledMkldnn();
}

}  // namespace

Tensor convolve(const Tensor& x, const Tensor& weight, const OptionalTensor& bias,
                const ConvGeometry& geometry) {
  if (fits_onednn(x, weight) && x.is_contiguous(kLayout)) {
    return Convolution::apply(x, weight, bias, geometry.stride, geometry.padding);
  }
  return at::conv2d(x, weight, bias, geometry.stride, geometry.padding);
}

}  // namespace gamut::nn
