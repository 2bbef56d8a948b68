// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/group_norm_silu.h"

#include "gamut/nn/autocast.h"
#include "gamut/nn/kernels/group_norm.h"
#include "gamut/nn/meta.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

namespace gamut::nn {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Saved {
  Tensor x, shift, weight, bias, mean, rstd;
  kernels::GroupNormShape shape;

  int64_t sample_size() const { return shape.pixels * shape.channels; }
  const float* sample(int64_t row) const { return x.const_data_ptr<float>() + row * sample_size(); }
  kernels::GroupNormInput input(int64_t row) const {
    const float* shifts = shift.defined() ? shift.const_data_ptr<float>() + row * shift.stride(0) : nullptr;
    return {sample(row), shifts, weight.const_data_ptr<float>(), bias.const_data_ptr<float>()};
  }
  kernels::GroupStatistics statistics(int64_t row) const {
    return {mean.mutable_data_ptr<float>() + row * shape.groups,
            rstd.mutable_data_ptr<float>() + row * shape.groups};
  }
};

Tensor forward(const Saved& saved) {
  const Tensor y = at::empty_like(saved.x, saved.x.options(), at::MemoryFormat::ChannelsLast);
  if (y.is_meta()) return y;
  float* out = y.mutable_data_ptr<float>();
  at::parallel_for(0, saved.x.size(0), 1, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(size_t(kernels::group_norm_scratch(saved.shape.channels)));
    for (int64_t row = begin; row < end; ++row) {
      kernels::group_norm_forward(saved.shape, saved.input(row), saved.statistics(row),
                                  out + row * saved.sample_size(), scratch.data());
    }
  });
  return y;
}

struct Gradients {
  Tensor x, shift, weight, bias;
};

// The order of summation over samples is fixed, whatever the number of threads.
Tensor sum_rows(const Tensor& per_row) {
  Tensor sum = at::zeros({per_row.size(1)}, per_row.options());
  if (sum.is_meta()) return sum;
  float* out = sum.mutable_data_ptr<float>();
  const float* in = per_row.const_data_ptr<float>();
  for (int64_t row = 0; row < per_row.size(0); ++row) {
    for (int64_t c = 0; c < per_row.size(1); ++c) {
      out[c] += *in++;
    }
  }
  return sum;
}

Gradients backward(const Saved& saved, const Tensor& grad_y) {
  const int64_t batch = saved.x.size(0), channels = saved.shape.channels;
  const auto per_channel = [&] { return at::empty({batch, channels}, saved.x.options()); };
  Gradients grads{at::empty_like(saved.x, saved.x.options(), at::MemoryFormat::ChannelsLast),
                  {},
                  per_channel(),
                  per_channel()};
  if (saved.shift.defined()) {
    grads.shift = per_channel();
  }
  if (saved.x.is_meta()) return {grads.x, grads.shift, sum_rows(grads.weight), sum_rows(grads.bias)};
  const auto row_of = [](const Tensor& tensor, int64_t row) {
    return tensor.defined() ? tensor.mutable_data_ptr<float>() + row * tensor.stride(0) : nullptr;
  };
  const float* incoming = grad_y.const_data_ptr<float>();
  at::parallel_for(0, batch, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(size_t(kernels::group_norm_scratch(channels)));
    for (int64_t row = begin; row < end; ++row) {
      kernels::group_norm_backward(saved.shape, saved.input(row), saved.statistics(row),
                                   incoming + row * saved.sample_size(),
                                   {row_of(grads.x, row), row_of(grads.shift, row), row_of(grads.weight, row),
                                    row_of(grads.bias, row)},
                                   scratch.data());
    }
  });
  grads.weight = sum_rows(grads.weight);
  grads.bias = sum_rows(grads.bias);
  return grads;
}

struct FusedGroupNorm : torch::autograd::Function<FusedGroupNorm> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const std::optional<Tensor>& shifts,
                        const Tensor& weight, const Tensor& bias, int64_t groups, double eps, bool silu) {
    const Tensor shift = shifts.value_or(Tensor());
    const Tensor mean =
        at::empty({x.size(0), groups}, x.options().memory_format(at::MemoryFormat::Contiguous));
    const Tensor rstd = at::empty_like(mean);
    context->save_for_backward({x, shift, weight, bias, mean, rstd});
    context->saved_data["eps"] = eps;
    context->saved_data["silu"] = silu;
    return nn::forward(saved({x, shift, weight, bias, mean, rstd}, eps, silu));
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const Saved kept = saved(context->get_saved_variables(), context->saved_data["eps"].toDouble(),
                             context->saved_data["silu"].toBool());
    const Gradients grads = nn::backward(kept, outputs[0].contiguous(at::MemoryFormat::ChannelsLast));
    return {grads.x, grads.shift, grads.weight, grads.bias, {}, {}, {}};
  }

 private:
  static Saved saved(const variable_list& t, double eps, bool silu) {
    const int64_t pixels = t[0].size(2) * t[0].size(3);
    return {t[0], t[1], t[2], t[3], t[4], t[5], {pixels, t[0].size(1), t[4].size(1), float(eps), silu}};
  }
};

bool fits_kernel(const Tensor& x, const GroupNormArguments& arguments) {
  return fits_float_kernels(x) && x.dim() == 4 && x.numel() > 0 && x.size(1) % kernels::kNormMultiple == 0 &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast) && arguments.weight.scalar_type() == at::kFloat;
}

// LibTorch makes a dense copy first, but on the CPU; a meta tensor that stands for one must not get it
// either.
Tensor normalized(const Tensor& x, const GroupNormArguments& arguments) {
  if (!x.is_meta() || !is_on_cpu(x)) {
    return at::group_norm(x, arguments.groups, arguments.weight, arguments.bias, arguments.eps);
  }
  const int64_t batch = x.size(0), channels = x.size(1);
  return std::get<0>(at::native_group_norm(x.contiguous(x.suggest_memory_format()), arguments.weight,
                                           arguments.bias, batch, channels, x.numel() / batch / channels,
                                           arguments.groups, arguments.eps));
}

}  // namespace

Tensor plain_group_norm(const Tensor& x, const GroupNormArguments& arguments) {
  const Tensor& shift = arguments.shift;
  const Tensor shifted = shift.defined() ? x + shift.unsqueeze(2).unsqueeze(3) : x;
  const Tensor normed = normalized(shifted, arguments);
  return arguments.activation == NormActivation::kSilu ? at::silu(normed) : normed;
}

Tensor fused_group_norm(const Tensor& x, const GroupNormArguments& arguments) {
  if (!fits_kernel(x, arguments)) {
    return plain_group_norm(x, arguments);
  }
  std::optional<Tensor> shift;
  if (const Tensor& given = arguments.shift; given.defined()) {
    shift = (given.stride(1) == 1 ? given : given.contiguous()).expand({x.size(0), x.size(1)});
  }
  return FusedGroupNorm::apply(x, shift, arguments.weight.contiguous(), arguments.bias.contiguous(),
                               arguments.groups, arguments.eps,
                               arguments.activation == NormActivation::kSilu);
}

}  // namespace gamut::nn
