// SPDX-License-Identifier: Apache-2.0
// What a network is told of prompts: tensors by name, each with one row per sample.
//
//   hidden    [B, L, D]   one vector per token
//   pooled    [B, D]      one per prompt (SD3, FLUX)
//   guidance  [B]         the strength of guidance, where it is an input (FLUX.1-dev)
//
// A family names the parts that its denoiser reads. Everything here treats all of them, so that none is left
// behind.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gamut::models {

struct Conditioning {
  std::map<std::string, at::Tensor> parts = {};

  // InternalError for a part that is not there.
  const at::Tensor& part(const std::string& name) const;
  const at::Tensor& hidden() const { return part("hidden"); }
  int64_t num_rows() const;
  // The same with one part more, or another in its place.
  Conditioning with(const std::string& name, const at::Tensor& part) const;

  Conditioning repeat(int64_t times) const;  // each row `times` times, neighbors equal
  Conditioning rows(int64_t begin, int64_t count) const;
  Conditioning index_select(const at::Tensor& rows) const;  // int64, on the parts' device
  Conditioning to(const at::Device& device) const;
  // Rows one after the other; all have the same parts.
  static Conditioning cat(const std::vector<Conditioning>& conditionings);
};

}  // namespace gamut::models
