// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/head_attention.h"

#include "gamut/nn/autocast.h"
#include "gamut/nn/cost.h"
#include "gamut/nn/kernels/attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

namespace gamut::nn {
namespace {

using at::Tensor;
using kernels::ConstRows;
using kernels::MutableRows;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// One head of one sample, as rows of a [B, L, W] tensor whose last dimension is dense.
struct Heads {
  int64_t count, width;
  int64_t offset(const Tensor& tensor, int64_t task) const {
    return (task / count) * tensor.stride(0) + (task % count) * width;
  }
  ConstRows read(const Tensor& tensor, int64_t task) const {
    return {tensor.const_data_ptr<float>() + offset(tensor, task), tensor.stride(1)};
  }
  MutableRows write(const Tensor& tensor, int64_t task) const {
    return {tensor.mutable_data_ptr<float>() + offset(tensor, task), tensor.stride(1)};
  }
};

kernels::HeadShape shape_of(const Tensor& q, const Tensor& k, int64_t heads) {
  const int64_t width = q.size(2) / heads;
  return {q.size(1), k.size(1), width, float(1.0 / std::sqrt(double(width)))};
}

Tensor dense_rows(const Tensor& tensor) { return tensor.stride(2) == 1 ? tensor : tensor.contiguous(); }

struct HeadAttention : torch::autograd::Function<HeadAttention> {
  static Tensor forward(AutogradContext* context, const Tensor& q, const Tensor& k, const Tensor& v,
                        int64_t heads) {
    const kernels::HeadShape shape = shape_of(q, k, heads);
    const Tensor out = at::empty(q.sizes(), q.options());
    const Tensor log_sum = at::empty({q.size(0) * heads, q.size(1)}, q.options());
    context->save_for_backward({q, k, v, out, log_sum});
    context->saved_data["heads"] = heads;
    if (q.is_meta()) return counted(out, 4.0 * double(q.numel()) * double(k.size(1)));
    const Heads split{heads, shape.width};
    float* logs = log_sum.mutable_data_ptr<float>();
    at::parallel_for(0, q.size(0) * heads, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> scratch(size_t(kernels::attention_scratch(shape)));
      for (int64_t task = begin; task < end; ++task) {
        kernels::attention_forward(shape, {split.read(q, task), split.read(k, task), split.read(v, task)},
                                   split.write(out, task), logs + task * shape.queries, scratch.data());
      }
    });
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const variable_list kept = context->get_saved_variables();
    const Tensor &q = kept[0], &k = kept[1], &v = kept[2], &out = kept[3], grad_out = dense_rows(outputs[0]);
    const int64_t heads = context->saved_data["heads"].toInt();
    const kernels::HeadShape shape = shape_of(q, k, heads);
    const Heads split{heads, shape.width};
    const Tensor grad_q = at::empty(q.sizes(), q.options()), grad_k = at::empty(k.sizes(), k.options());
    const Tensor grad_v = at::empty(v.sizes(), v.options());
    // The scores are made again, which makes five products of what forward does in two.
    if (q.is_meta())
      return {counted(grad_q, 10.0 * double(q.numel()) * double(k.size(1))), grad_k, grad_v, {}};
    const float* logs = kept[4].const_data_ptr<float>();
    at::parallel_for(0, q.size(0) * heads, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> scratch(size_t(kernels::attention_scratch(shape))), delta(size_t(shape.queries));
      for (int64_t task = begin; task < end; ++task) {
        kernels::attention_backward(
            shape, {split.read(q, task), split.read(k, task), split.read(v, task)},
            {split.read(out, task), split.read(grad_out, task), logs + task * shape.queries},
            {split.write(grad_q, task), split.write(grad_k, task), split.write(grad_v, task)}, delta.data(),
            scratch.data());
      }
    });
    return {grad_q, grad_k, grad_v, {}};
  }
};

}  // namespace

bool fits_head_attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads) {
  const int64_t width = q.size(2) / heads;
  const bool floats = fits_float_kernels(q) && k.scalar_type() == at::kFloat && v.scalar_type() == at::kFloat;
  return floats && width % 8 == 0 && width <= kernels::kMaxHeadWidth && q.numel() > 0 && k.numel() > 0 &&
         q.size(1) <= kernels::kMaxHeadTokens && k.size(1) <= kernels::kMaxHeadTokens;
}

Tensor head_attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads) {
  return HeadAttention::apply(dense_rows(q), dense_rows(k), dense_rows(v), heads);
}

}  // namespace gamut::nn
