// SPDX-License-Identifier: Apache-2.0
// LibTorch dispatches autocast by a key that each tensor of a real device carries. Meta tensors carry none,
// so the key of a device that no build has is included for the thread, with kernels that cast and go on below
// it.
#include "gamut/nn/meta_autocast.h"

#include "gamut/nn/meta.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>

namespace gamut::nn {
namespace {

using at::Tensor;
using OptionalTensor = std::optional<Tensor>;
constexpr auto kKey = c10::DispatchKey::AutocastIPU;

thread_local std::optional<at::ScalarType> type;

bool takes_part(const Tensor& x) { return type && x.is_meta() && x.is_floating_point(); }
Tensor shorter(const Tensor& x) { return takes_part(x) ? x.to(*type) : x; }
OptionalTensor shorter(const OptionalTensor& x) { return x ? OptionalTensor(shorter(*x)) : x; }
Tensor exact(const Tensor& x) { return takes_part(x) && !is_on_cpu(x) ? x.to(at::kFloat) : x; }
OptionalTensor exact(const OptionalTensor& x) { return x ? OptionalTensor(exact(*x)) : x; }

struct Below {
  c10::impl::ExcludeDispatchKeyGuard guard{kKey};
};

Tensor conv2d(const Tensor& x, const Tensor& weight, const OptionalTensor& bias, at::IntArrayRef stride,
              at::IntArrayRef padding, at::IntArrayRef dilation, int64_t groups) {
  const Below below;
  return at::conv2d(shorter(x), shorter(weight), shorter(bias), stride, padding, dilation, groups);
}

Tensor linear(const Tensor& x, const Tensor& weight, const OptionalTensor& bias) {
  const Below below;
  return at::linear(shorter(x), shorter(weight), shorter(bias));
}

Tensor matmul(const Tensor& x, const Tensor& y) {
  const Below below;
  return at::matmul(shorter(x), shorter(y));
}

std::tuple<Tensor, Tensor> attention(const Tensor& q, const Tensor& k, const Tensor& v, double dropout,
                                     bool causal, const OptionalTensor& mask, std::optional<double> scale) {
  const Below below;
  return at::_scaled_dot_product_flash_attention_for_cpu(shorter(q), shorter(k), shorter(v), dropout, causal,
                                                         mask, scale);
}

Tensor group_norm(const Tensor& x, int64_t groups, const OptionalTensor& weight, const OptionalTensor& bias,
                  double eps, bool cudnn) {
  const Below below;
  return at::group_norm(exact(x), groups, exact(weight), exact(bias), eps, cudnn);
}

Tensor layer_norm(const Tensor& x, at::IntArrayRef shape, const OptionalTensor& weight,
                  const OptionalTensor& bias, double eps, bool cudnn) {
  const Below below;
  return at::layer_norm(exact(x), shape, exact(weight), exact(bias), eps, cudnn);
}

void register_kernels() {
  static const auto registered = [] {
    auto rest =
        std::make_unique<torch::Library>(torch::Library::IMPL, "_", kKey, __FILE__, uint32_t(__LINE__));
    rest->fallback(torch::CppFunction::makeFallthrough());
    auto own =
        std::make_unique<torch::Library>(torch::Library::IMPL, "aten", kKey, __FILE__, uint32_t(__LINE__));
    own->impl("conv2d", conv2d);
    own->impl("linear", linear);
    own->impl("matmul", matmul);
    own->impl("_scaled_dot_product_flash_attention_for_cpu", attention);
    own->impl("group_norm", group_norm);
    own->impl("layer_norm", layer_norm);
    return std::pair{std::move(rest), std::move(own)};
  }();
}

}  // namespace

std::optional<at::ScalarType> meta_autocast() { return type; }

void set_meta_autocast(const std::optional<at::ScalarType>& wanted) {
  if (wanted) register_kernels();
  type = wanted;
  c10::impl::tls_set_dispatch_key_included(kKey, wanted.has_value());
  c10::impl::tls_set_dispatch_key_excluded(kKey, !wanted.has_value());
}

}  // namespace gamut::nn
