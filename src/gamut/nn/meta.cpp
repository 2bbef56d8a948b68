// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/meta.h"

#include "gamut/nn/meta_shapes.h"

namespace gamut::nn {
namespace {

thread_local at::Device stands_for = at::kCUDA;

}  // namespace

MetaStandsFor::MetaStandsFor(at::Device device) : before_(stands_for) {
  register_meta_shapes();
  stands_for = device;
}

MetaStandsFor::~MetaStandsFor() { stands_for = before_; }

bool is_on_cpu(const at::Tensor& tensor) {
  return tensor.is_cpu() || (tensor.is_meta() && stands_for.is_cpu());
}

}  // namespace gamut::nn
