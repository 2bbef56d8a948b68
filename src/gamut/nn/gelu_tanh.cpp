// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/gelu_tanh.h"

#include "gamut/nn/autocast.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/csrc/autograd/custom_function.h>

namespace gamut::nn {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kRowsAtOnce = 16;

// LibTorch cuts a tensor into parts for its threads without regard to vectors, and computes what is left over
// of a vector by another tanh. Cut between rows nothing is left over.
struct RowGelu : torch::autograd::Function<RowGelu> {
  static Tensor forward(AutogradContext* context, const Tensor& x) {
    context->save_for_backward({x});
    const Tensor y = at::empty_like(x), to = y.view({-1, x.size(-1)}), from = x.view({-1, x.size(-1)});
    at::parallel_for(0, from.size(0), kRowsAtOnce, [&](int64_t begin, int64_t end) {
      const at::AutoDispatchBelowADInplaceOrView plain;
      Tensor part = to.narrow(0, begin, end - begin);
      at::gelu_out(part, from.narrow(0, begin, end - begin), "tanh");
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    return {at::gelu_backward(outputs[0], context->get_saved_variables()[0], "tanh")};
  }
};

}  // namespace

Tensor gelu_tanh(const Tensor& x) {
  const bool by_rows = fits_float_kernels(x) && !x.is_meta() && x.is_contiguous() && x.numel() > 0;
  return by_rows ? RowGelu::apply(x) : at::gelu(x, "tanh");
}

}  // namespace gamut::nn
