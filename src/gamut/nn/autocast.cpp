// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/autocast.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

namespace gamut::nn {
namespace {

AutocastState state_on(at::DeviceType device) {
  if (!at::autocast::is_autocast_enabled(device)) return {device, std::nullopt};
  return {device, at::autocast::get_autocast_dtype(device)};
}

}  // namespace

AutocastState AutocastState::current() {
  const AutocastState cuda = state_on(at::kCUDA);
  return cuda.type ? cuda : state_on(at::kCPU);
}

Autocast::Autocast(const AutocastState& state)
    : device_(state.device),
      before_(state_on(state.device)),
      kept_casts_before_(at::autocast::is_autocast_cache_enabled()) {
  at::autocast::set_autocast_cache_enabled(false);
  set(state);
}

Autocast::~Autocast() {
  set(before_);
  at::autocast::set_autocast_cache_enabled(kept_casts_before_);
}

void Autocast::set(const AutocastState& state) const {
  at::autocast::set_autocast_enabled(device_, state.type.has_value());
  if (state.type) at::autocast::set_autocast_dtype(device_, *state.type);
}

bool fits_float_kernels(const at::Tensor& x) {
  return x.device().is_cpu() && x.scalar_type() == at::kFloat && !at::autocast::is_autocast_enabled(at::kCPU);
}

}  // namespace gamut::nn
