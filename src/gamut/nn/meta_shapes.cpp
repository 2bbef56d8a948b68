// SPDX-License-Identifier: Apache-2.0
// Each function allocates what the operation keeps and returns on a real device, in its memory layout, and
// counts the operation's FLOPs where it is a convolution or attention. Multiplications of matrices are
// counted by cost.cpp.
#include "gamut/nn/meta_shapes.h"

#include "gamut/core/error.h"
#include "gamut/nn/cost.h"

#include <ATen/ATen.h>
#include <ATen/ExpandUtils.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

namespace gamut::nn {
namespace {

using at::Tensor;
using OptionalTensor = std::optional<Tensor>;
using Triple = std::tuple<Tensor, Tensor, Tensor>;

Tensor shaped(at::IntArrayRef sizes, const Tensor& like,
              at::MemoryFormat format = at::MemoryFormat::Contiguous) {
  return at::empty(sizes, like.options().requires_grad(false), format);
}

Tensor same(const Tensor& like) { return shaped(like.sizes(), like, like.suggest_memory_format()); }

Tensor when(bool wanted, const Tensor& like) { return wanted ? same(like) : Tensor(); }

at::MemoryFormat conv_format(const Tensor& x, const Tensor& weight) {
  const bool last = x.suggest_memory_format() == at::MemoryFormat::ChannelsLast ||
                    weight.suggest_memory_format() == at::MemoryFormat::ChannelsLast;
  return last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
}

// 2 FLOP per weight and output pixel.
double conv_flops(const Tensor& weight, const Tensor& y) {
  return 2.0 * double(weight.numel()) * double(y.numel()) / double(weight.size(0));
}

// One number stands for all dimensions.
int64_t along(at::IntArrayRef values, size_t dimension) {
  return values.size() == 1 ? values[0] : values[dimension];
}

// By the names of the operations.
namespace operations {

Tensor convolution(const Tensor& x, const Tensor& weight, const OptionalTensor&, at::IntArrayRef stride,
                   at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed, at::IntArrayRef,
                   int64_t) {
  TORCH_CHECK(!transposed, "transposed convolutions have no meta shape");
  std::vector<int64_t> sizes{x.size(0), weight.size(0)};
  for (size_t d = 0; d < size_t(x.dim()) - 2; ++d) {
    const int64_t reach = along(dilation, d) * (weight.size(int64_t(d) + 2) - 1) + 1;
    sizes.push_back((x.size(int64_t(d) + 2) + 2 * along(padding, d) - reach) / along(stride, d) + 1);
  }
  const Tensor y = shaped(sizes, x, conv_format(x, weight));
  count_flops(conv_flops(weight, y));
  return y;
}

Triple convolution_backward(const Tensor& grad_y, const Tensor& x, const Tensor& weight,
                            at::OptionalIntArrayRef, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, bool,
                            at::IntArrayRef, int64_t, std::array<bool, 3> wanted) {
  count_flops(conv_flops(weight, grad_y) * (int(wanted[0]) + int(wanted[1])));
  return {wanted[0] ? shaped(x.sizes(), x, conv_format(x, weight)) : Tensor(), when(wanted[1], weight),
          wanted[2] ? shaped({weight.size(0)}, weight) : Tensor()};
}

Triple group_norm(const Tensor& x, const OptionalTensor&, const OptionalTensor&, int64_t batch, int64_t,
                  int64_t, int64_t groups, double) {
  return {same(x), shaped({batch, groups}, x), shaped({batch, groups}, x)};
}

Triple group_norm_backward(const Tensor&, const Tensor& x, const Tensor&, const Tensor&,
                           const OptionalTensor& weight, int64_t, int64_t, int64_t, int64_t,
                           std::array<bool, 3> wanted) {
  return {when(wanted[0], x), when(wanted[1], *weight), when(wanted[2], *weight)};
}

Triple layer_norm(const Tensor& x, at::IntArrayRef normalized, const OptionalTensor&, const OptionalTensor&,
                  double) {
  std::vector<int64_t> rows = x.sizes().vec();
  std::fill(rows.end() - int64_t(normalized.size()), rows.end(), 1);
  return {shaped(x.sizes(), x), shaped(rows, x), shaped(rows, x)};
}

Triple layer_norm_backward(const Tensor&, const Tensor& x, at::IntArrayRef, const Tensor&, const Tensor&,
                           const OptionalTensor& weight, const OptionalTensor&, std::array<bool, 3> wanted) {
  return {wanted[0] ? shaped(x.sizes(), x) : Tensor(), when(wanted[1], *weight), when(wanted[2], *weight)};
}

// Two products of Lq x Lk x width per head; q is [B, heads, L, width].
double attention_flops(const Tensor& q, const Tensor& k) {
  return 4.0 * double(q.numel()) * double(k.size(2));
}

Tensor tokens_first(const Tensor& q) {
  return shaped({q.size(0), q.size(2), q.size(1), q.size(3)}, q).transpose(1, 2);
}

std::tuple<Tensor, Tensor> attention(const Tensor& q, const Tensor& k, const Tensor&, double, bool,
                                     const OptionalTensor&, std::optional<double>) {
  count_flops(attention_flops(q, k));
  const Tensor log_sum =
      at::empty({q.size(0), q.size(2), q.size(1)}, q.options().dtype(at::kFloat)).transpose(1, 2);
  return {tokens_first(q), log_sum};
}

// Five products: the first of the forward pass is made again.
Triple attention_backward(const Tensor&, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor&,
                          const Tensor&, double, bool, const OptionalTensor&, std::optional<double>) {
  count_flops(2.5 * attention_flops(q, k));
  return {tokens_first(q), tokens_first(k), tokens_first(v)};
}

Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index) {
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes[size_t(at::maybe_wrap_dim(dim, x.dim()))] = index.numel();
  return shaped(sizes, x);
}

Tensor& elementwise(const Tensor& x, Tensor& y) {
  y.resize_(x.sizes());
  return y;
}

Tensor& pairwise(const Tensor& x, const Tensor& y, Tensor& z) {
  z.resize_(at::infer_size(x.sizes(), y.sizes()));
  return z;
}

Tensor where(const Tensor& condition, const Tensor& x, const Tensor& y) {
  const std::vector<int64_t> sizes = at::infer_size(at::infer_size(condition.sizes(), x.sizes()), y.sizes());
  return at::empty(sizes, x.options().dtype(at::result_type(x, y)).requires_grad(false));
}

Tensor scalar(const Tensor& x) { return shaped({}, x); }

// Changes values alone.
void fused_adamw(at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList,
                 at::TensorList, double, double, double, double, double, bool, bool, const OptionalTensor&,
                 const OptionalTensor&) {}

}  // namespace operations

// Left to LibTorch where it knows the shape itself.
template <class Function>
void add(torch::Library& library, const std::string& name, Function function) {
  const size_t dot = std::min(name.find('.'), name.size());
  const std::string overload = name.substr(std::min(dot + 1, name.size()));
  const auto operation =
      c10::Dispatcher::singleton().findSchema({cat("aten::", name.substr(0, dot)), overload});
  GAMUT_CHECK(operation.has_value(), "LibTorch lacks the operation ", name);
  if (!operation->hasKernelForDispatchKey(c10::DispatchKey::Meta)) library.impl(name.c_str(), function);
}

}  // namespace

void register_meta_shapes() {
  static const auto registered = [] {
    auto library = std::make_unique<torch::Library>(torch::Library::IMPL, "aten", c10::DispatchKey::Meta,
                                                    __FILE__, uint32_t(__LINE__));
    add(*library, "convolution", operations::convolution);
    add(*library, "convolution_backward", operations::convolution_backward);
    add(*library, "native_group_norm", operations::group_norm);
    add(*library, "native_group_norm_backward", operations::group_norm_backward);
    add(*library, "native_layer_norm", operations::layer_norm);
    add(*library, "native_layer_norm_backward", operations::layer_norm_backward);
    add(*library, "_scaled_dot_product_flash_attention_for_cpu", operations::attention);
    add(*library, "_scaled_dot_product_flash_attention_for_cpu_backward", operations::attention_backward);
    add(*library, "index_select", operations::index_select);
    add(*library, "abs.out", operations::elementwise);
    for (const char* name : {"logical_and.out", "logical_or.out"}) add(*library, name, operations::pairwise);
    add(*library, "where.self", operations::where);
    add(*library, "max", operations::scalar);
    add(*library, "min", operations::scalar);
    add(*library, "_fused_adamw_", operations::fused_adamw);
    return library;
  }();
}

}  // namespace gamut::nn
