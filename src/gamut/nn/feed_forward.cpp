// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/feed_forward.h"

#include "gamut/nn/cost.h"
#include "gamut/nn/kernels/geglu.h"
#include "gamut/nn/kernels/matrix.h"
#include "gamut/nn/row_tasks.h"

#include <torch/csrc/autograd/custom_function.h>

namespace gamut::nn {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Sizes {
  int64_t rows, width, inner;
  Sizes(const Tensor& x, const Tensor& out_weight)
      : rows(x.numel() / x.size(-1)), width(x.size(-1)), inner(out_weight.size(1)) {}
  double flops() const { return 6.0 * double(rows * width * inner); }  // of both layers, one way
};

// Adds the gradients of one linear layer over a chunk of rows: weights, then bias.
void add_gradients(int64_t rows, int64_t in, int64_t out, const float* x, const float* grad_y, float* sums) {
  const kernels::ConvShape shape = kernels::matrix_shape(rows, in, out);
  kernels::add_weight_gradient(shape, x, grad_y, 0, kernels::weight_gradient_tiles(shape), sums);
  kernels::add_column_sums(rows, out, grad_y, sums + in * out);
}

struct FeedForward : torch::autograd::Function<FeedForward> {
  // `keep`: hidden [rows, 2 inner] is stored for the way back.
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& proj,
                        const Tensor& proj_bias, const Tensor& out, const Tensor& out_bias,
                        const Tensor& residual, bool keep) {
    const Sizes size(x, out);
    const Tensor y = at::empty_like(x),
                 hidden = at::empty({keep ? size.rows : 0, 2 * size.inner}, x.options());
    const Tensor proj_turned = packed(proj.t()), out_turned = packed(out.t());
    context->save_for_backward({x, proj, out, hidden});
    if (x.is_meta()) return counted(y, size.flops());
    const float *from = x.const_data_ptr<float>(), *added = residual.const_data_ptr<float>();
    float *to = y.mutable_data_ptr<float>(), *kept = hidden.mutable_data_ptr<float>();
    for_row_chunks(size.rows, [&](int64_t row, int64_t count) {
      thread_local std::vector<float> scratch;
      scratch.resize(size_t(kRowsPerChunk * 3 * size.inner));
      float* gated = scratch.data();
      float* inner = keep ? kept + row * 2 * size.inner : gated + kRowsPerChunk * size.inner;
      kernels::multiply({count, size.width, 2 * size.inner, from + row * size.width,
                         proj_turned.const_data_ptr<float>(), proj_bias.const_data_ptr<float>(), nullptr},
                        inner);
      kernels::geglu_forward(count, size.inner, inner, gated);
      kernels::multiply({count, size.inner, size.width, gated, out_turned.const_data_ptr<float>(),
                         out_bias.const_data_ptr<float>(), added + row * size.width},
                        to + row * size.width);
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const variable_list kept = context->get_saved_variables();
    const Tensor &x = kept[0], &proj = kept[1], &out = kept[2], &hidden = kept[3];
    const Tensor proj_packed = packed(proj), out_packed = packed(out);
    const Tensor grad_y = outputs[0].contiguous(), grad_x = at::empty_like(x);
    const Sizes size(x, out);
    const int64_t out_size = size.width * (size.inner + 1), proj_size = 2 * size.inner * (size.width + 1);
    const float *from = const_pointer(x), *incoming = const_pointer(grad_y), *inner = const_pointer(hidden);
    float* to = pointer(grad_x);
    // Frozen beside adapters elsewhere, the layers need no gradients of their own, which are half of the
    // work.
    const bool with_weights = context->needs_input_grad(1) || context->needs_input_grad(3);
    if (x.is_meta()) count_flops(size.flops() * (1 + int(with_weights)));
    const int64_t sum_size = with_weights ? out_size + proj_size : 4;
    const Tensor sums =
        sum_over_rows(x.options(), size.rows, sum_size, [&](int64_t row, int64_t count, float* own) {
          thread_local std::vector<float> scratch;
          scratch.resize(size_t(kRowsPerChunk * 4 * size.inner));
          float *gated = scratch.data(), *grad_gated = gated + kRowsPerChunk * size.inner;
          float* grad_inner = grad_gated + kRowsPerChunk * size.inner;
          const float *inner_rows = inner + row * 2 * size.inner, *grad_rows = incoming + row * size.width;
          kernels::geglu_forward(count, size.inner, inner_rows, gated);
          if (with_weights) {
            add_gradients(count, size.inner, size.width, gated, grad_rows, own);
          }
          kernels::multiply(
              {count, size.width, size.inner, grad_rows, const_pointer(out_packed), nullptr, nullptr},
              grad_gated);
          kernels::geglu_backward(count, size.inner, inner_rows, grad_gated, grad_inner);
          if (with_weights) {
            add_gradients(count, size.width, 2 * size.inner, from + row * size.width, grad_inner,
                          own + out_size);
          }
          kernels::multiply(
              {count, 2 * size.inner, size.width, grad_inner, const_pointer(proj_packed), nullptr, nullptr},
              to + row * size.width);
        });
    if (!with_weights) {
      return {grad_x, {}, {}, {}, {}, outputs[0], {}};
    }
    const auto matrix = [&](int64_t begin, int64_t rows, int64_t columns) {
      return sums.narrow(0, begin, rows * columns).view({rows, columns});
    };
    return {grad_x,
            matrix(out_size, 2 * size.inner, size.width),
            sums.narrow(0, out_size + 2 * size.inner * size.width, 2 * size.inner),
            matrix(0, size.width, size.inner),
            sums.narrow(0, size.width * size.inner, size.width),
            outputs[0],
            {}};
  }
};

bool needs_grad(std::initializer_list<Tensor> tensors) {
  return at::GradMode::is_enabled() &&
         std::ranges::any_of(tensors, [](const Tensor& tensor) { return tensor.requires_grad(); });
}

}  // namespace

Tensor plain_feed_forward(const Tensor& x, const FeedForwardWeights& weights, const Tensor& residual) {
  const auto halves = project(x, weights.proj).chunk(2, -1);
  return project(halves[0] * at::gelu(halves[1]), weights.out, residual);
}

Tensor feed_forward(const Tensor& x, const FeedForwardWeights& weights, const Tensor& residual) {
  const auto& [proj, out] = weights;
  const bool fits = !proj.scale.defined() && fits_matrix_kernels(x, proj.weight) &&
                    fits_matrix_kernels(x, out.weight) && proj.bias && out.bias && residual.is_contiguous();
  if (!fits) {
    return plain_feed_forward(x, weights, residual);
  }
  const bool keep = needs_grad({x, proj.weight, *proj.bias, out.weight, *out.bias, residual});
  return FeedForward::apply(x, proj.weight, *proj.bias, out.weight, *out.bias, residual, keep);
}

}  // namespace gamut::nn
