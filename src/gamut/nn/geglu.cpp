// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/geglu.h"

#include "gamut/nn/kernels/geglu.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

namespace gamut::nn {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kRowsPerTask = 64;

struct Geglu : torch::autograd::Function<Geglu> {
  static Tensor forward(AutogradContext* context, const Tensor& x) {
    context->save_for_backward({x});
    std::vector<int64_t> shape = x.sizes().vec();
    const int64_t width = shape.back() /= 2;
    const Tensor out = at::empty(shape, x.options());
    const float* from = x.const_data_ptr<float>();
    float* to = out.mutable_data_ptr<float>();
    at::parallel_for(0, out.numel() / width, kRowsPerTask, [&](int64_t begin, int64_t end) {
      kernels::geglu_forward(end - begin, width, from + begin * 2 * width, to + begin * width);
    });
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const Tensor x = context->get_saved_variables()[0], grad_out = outputs[0].contiguous();
    const Tensor grad = at::empty_like(x);
    const int64_t width = grad_out.size(-1);
    const float *from = x.const_data_ptr<float>(), *incoming = grad_out.const_data_ptr<float>();
    float* to = grad.mutable_data_ptr<float>();
    at::parallel_for(0, grad_out.numel() / width, kRowsPerTask, [&](int64_t begin, int64_t end) {
      kernels::geglu_backward(end - begin, width, from + begin * 2 * width, incoming + begin * width,
                              to + begin * 2 * width);
    });
    return {grad};
  }
};

}  // namespace

Tensor plain_geglu(const Tensor& x) {
  const auto halves = x.chunk(2, -1);
  return halves[0] * at::gelu(halves[1]);
}

Tensor geglu(const Tensor& x) {
  const bool fits = x.device().is_cpu() && x.scalar_type() == at::kFloat && x.numel() > 0 &&
                    x.is_contiguous() && x.size(-1) % (2 * kernels::kGateMultiple) == 0;
  return fits ? Geglu::apply(x) : plain_geglu(x);
}

}  // namespace gamut::nn
