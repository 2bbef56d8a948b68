// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/autocast.h"

#include "gamut/nn/meta.h"
#include "gamut/nn/meta_autocast.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

namespace gamut::nn {
namespace {

AutocastState state_on(at::DeviceType device) {
  if (device == at::kMeta) return {device, meta_autocast()};
  if (!at::autocast::is_autocast_enabled(device)) return {device, std::nullopt};
  return {device, at::autocast::get_autocast_dtype(device)};
}

}  // namespace

AutocastState AutocastState::current() {
  if (meta_autocast()) return state_on(at::kMeta);
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
  if (device_ == at::kMeta) return set_meta_autocast(state.type);
  at::autocast::set_autocast_enabled(device_, state.type.has_value());
  if (state.type) at::autocast::set_autocast_dtype(device_, *state.type);
}

bool fits_float_kernels(const at::Tensor& x) {
  const bool mixed = x.is_meta() ? meta_autocast().has_value() : at::autocast::is_autocast_enabled(at::kCPU);
  return is_on_cpu(x) && x.scalar_type() == at::kFloat && !mixed;
}

}  // namespace gamut::nn
