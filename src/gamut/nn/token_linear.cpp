// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/token_linear.h"

#include "gamut/nn/autocast.h"
#include "gamut/nn/cost.h"
#include "gamut/nn/frozen_linear.h"
#include "gamut/nn/kernels/matrix.h"
#include "gamut/nn/row_tasks.h"

#include <torch/csrc/autograd/custom_function.h>

// Of the MKL inside LibTorch, which ships no header of it; null where LibTorch has another library.
extern "C" __attribute__((weak)) int MKL_Set_Num_Threads_Local(int threads);  // what it was before

namespace gamut::nn {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using OptionalTensor = std::optional<Tensor>;

// Beyond this the kernel's columns of the weights leave the cache.
constexpr int64_t kMaxInner = 1024;
// The library's rows come in blocks of as many. With fewer than 16 rows MKL takes other routines, and it
// takes rows by fours and rounds what is left over differently.
constexpr int64_t kLibraryRows = 16;
// Outputs of a part at least: with fewer than 192 of long rows MKL sums in another order.
constexpr int64_t kLibraryOutputs = 256;

const float* data_or_null(const OptionalTensor& tensor) {
  return tensor ? tensor->const_data_ptr<float>() : nullptr;
}

struct TokenLinear : torch::autograd::Function<TokenLinear> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const OptionalTensor& bias, const OptionalTensor& residual) {
    context->save_for_backward({x, weight});
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["residual"] = residual.has_value();
    const int64_t in = weight.size(1), out = weight.size(0), rows = x.numel() / in;
    std::vector<int64_t> shape = x.sizes().vec();
    shape.back() = out;
    const Tensor y = at::empty(shape, x.options()), turned = packed(weight.t());
    if (x.is_meta()) return counted(y, 2.0 * double(rows * in * out));
    const float *from = x.const_data_ptr<float>(), *matrix = turned.const_data_ptr<float>();
    const float *offset = data_or_null(bias), *added = data_or_null(residual);
    float* to = y.mutable_data_ptr<float>();
    for_row_chunks(rows, [&](int64_t row, int64_t count) {
      kernels::multiply(
          {count, in, out, from + row * in, matrix, offset, added ? added + row * out : nullptr},
          to + row * out);
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const variable_list kept = context->get_saved_variables();
    const Tensor &x = kept[0], &weight = kept[1], grad_y = outputs[0].contiguous();
    const int64_t in = weight.size(1), out = weight.size(0), rows = x.numel() / in;
    const Tensor grad_x = context->needs_input_grad(0) ? at::empty_like(x) : Tensor();
    const Tensor matrix = grad_x.defined() ? packed(weight) : Tensor();
    float* to = grad_x.defined() ? pointer(grad_x) : nullptr;
    const float *from = const_pointer(x), *incoming = const_pointer(grad_y),
                *small = matrix.defined() ? const_pointer(matrix) : nullptr;
    const bool with_weight = context->needs_input_grad(1);
    if (x.is_meta()) count_flops(2.0 * double(rows * in * out) * (int(grad_x.defined()) + int(with_weight)));
    const Tensor sums = sum_over_rows(
        x.options(), rows, with_weight ? out * (in + 1) : 4, [&](int64_t row, int64_t count, float* own) {
          if (to) {
            kernels::multiply({count, out, in, incoming + row * out, small, nullptr, nullptr}, to + row * in);
          }
          if (with_weight) {
            const kernels::ConvShape shape = kernels::matrix_shape(count, in, out);
            kernels::add_weight_gradient(shape, from + row * in, incoming + row * out, 0,
                                         kernels::weight_gradient_tiles(shape), own);
            kernels::add_column_sums(count, out, incoming + row * out, own + out * in);
          }
        });
    const Tensor grad_residual = context->saved_data["residual"].toBool() ? outputs[0] : Tensor();
    if (!with_weight) {
      return {grad_x, {}, {}, grad_residual};
    }
    const Tensor grad_weight = sums.narrow(0, 0, out * in).view({out, in});
    const Tensor grad_bias = context->saved_data["bias"].toBool() ? sums.narrow(0, out * in, out) : Tensor();
    return {grad_x, grad_weight, grad_bias, grad_residual};
  }
};

// This thread's calls of MKL start no threads while it lives: by their number MKL cuts sums, also inside a
// parallel region.
class OneMklThread {
 public:
  OneMklThread() : before_(MKL_Set_Num_Threads_Local ? MKL_Set_Num_Threads_Local(1) : 0) {}
  ~OneMklThread() {
    if (MKL_Set_Num_Threads_Local) MKL_Set_Num_Threads_Local(before_);
  }
  OneMklThread(const OneMklThread&) = delete;
  OneMklThread& operator=(const OneMklThread&) = delete;

 private:
  int before_;
};

// y = at::linear(x): whole blocks of rows, and what is left over, filled up by zeros.
void multiply_rows(const Tensor& x, const Tensor& weight, const OptionalTensor& bias, const Tensor& y) {
  const int64_t left = x.size(0) % kLibraryRows, whole = x.size(0) - left;
  if (whole > 0) {
    Tensor part = y.narrow(0, 0, whole);
    at::linear_out(part, x.narrow(0, 0, whole), weight, bias);
  }
  if (left > 0) {
    const Tensor padded = at::constant_pad_nd(x.narrow(0, whole, left), {0, 0, 0, kLibraryRows - left});
    y.narrow(0, whole, left).copy_(at::linear(padded, weight, bias).narrow(0, 0, left));
  }
}

// at::linear on rows [rows, in], a part for each thread alone: the outputs are shared out, and where these
// are few, blocks of rows. A row sees neither the others nor the number of parts.
struct LibraryLinear : torch::autograd::Function<LibraryLinear> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const OptionalTensor& bias) {
    context->save_for_backward({weight.requires_grad() ? x : Tensor(), weight});
    context->saved_data["bias"] = bias.has_value();
    const int64_t rows = x.size(0), out = weight.size(0);
    const Tensor y = at::empty({rows, out}, x.options());
    const int64_t threads = at::get_num_threads(), blocks = (rows + kLibraryRows - 1) / kLibraryRows;
    const int64_t strips = std::clamp<int64_t>(out / kLibraryOutputs, 1, threads),
                  groups = std::min(blocks, threads / strips);
    at::parallel_for(0, groups * strips, 1, [&](int64_t begin, int64_t end) {
      const at::NoGradGuard no_grad;
      const OneMklThread alone;
      for (int64_t part = begin; part < end; ++part) {
        const int64_t group = part / strips, strip = part % strips;
        const int64_t first = blocks * group / groups * kLibraryRows,
                      count = std::min(rows, blocks * (group + 1) / groups * kLibraryRows) - first;
        const int64_t column = out * strip / strips, width = out * (strip + 1) / strips - column;
        OptionalTensor offset;
        if (bias) offset = bias->narrow(0, column, width);
        multiply_rows(x.narrow(0, first, count), weight.narrow(0, column, width), offset,
                      y.narrow(0, first, count).narrow(1, column, width));
      }
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const variable_list kept = context->get_saved_variables();
    const Tensor &x = kept[0], &weight = kept[1], &grad_y = outputs[0];
    const bool with_bias = context->saved_data["bias"].toBool() && context->needs_input_grad(2);
    return {context->needs_input_grad(0) ? grad_y.mm(weight) : Tensor(),
            context->needs_input_grad(1) ? grad_y.t().mm(x) : Tensor(), with_bias ? grad_y.sum(0) : Tensor()};
  }
};

Tensor library_product(const Tensor& x, const LinearWeights& linear) {
  if (!fits_float_kernels(x) || linear.weight.scalar_type() != at::kFloat || x.is_meta())
    return at::linear(x, linear.weight, linear.bias);
  const int64_t in = linear.weight.size(1);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = linear.weight.size(0);
  return LibraryLinear::apply(x.reshape({x.numel() / in, in}), linear.weight, linear.bias).view(shape);
}

}  // namespace

Tensor packed(const Tensor& matrix) {
  const Tensor copy =
      at::empty({matrix.numel()}, matrix.options().memory_format(at::MemoryFormat::Contiguous));
  if (copy.is_meta()) return copy;
  kernels::pack(
      {matrix.size(0), matrix.size(1), matrix.const_data_ptr<float>(), matrix.stride(0), matrix.stride(1)},
      copy.mutable_data_ptr<float>());
  return copy;
}

bool fits_matrix_kernels(const Tensor& x, const Tensor& weight) {
  return fits_float_kernels(x) && weight.scalar_type() == at::kFloat && x.numel() > 0 && x.is_contiguous() &&
         weight.size(0) % kernels::kColumnMultiple == 0 && weight.size(1) % kernels::kColumnMultiple == 0 &&
         std::max(weight.size(0), weight.size(1)) <= kMaxInner;
}

Tensor project(const Tensor& x, const LinearWeights& linear, const OptionalTensor& residual) {
  if (fits_frozen_linear(x, linear)) return project_frozen(x, linear, residual, frozen_product_type(x));
  if (!fits_matrix_kernels(x, linear.weight) || (residual && !residual->is_contiguous())) {
    const Tensor y = library_product(x, linear);
    return residual ? *residual + y : y;
  }
  return TokenLinear::apply(x, linear.weight, linear.bias, residual);
}

}  // namespace gamut::nn
