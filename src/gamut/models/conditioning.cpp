// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/conditioning.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

namespace gamut::models {
namespace {

template <class Change>
Conditioning each_part(const Conditioning& from, const Change& change) {
  Conditioning out;
  for (const auto& [name, part] : from.parts) out.parts[name] = change(part);
  return out;
}

}  // namespace

const at::Tensor& Conditioning::part(const std::string& name) const {
  const auto found = parts.find(name);
  GAMUT_CHECK(found != parts.end(), "a conditioning without '", name, "'");
  return found->second;
}

int64_t Conditioning::num_rows() const {
  GAMUT_CHECK(!parts.empty(), "a conditioning without parts");
  return parts.begin()->second.size(0);
}

Conditioning Conditioning::with(const std::string& name, const at::Tensor& part) const {
  Conditioning out = *this;
  out.parts[name] = part;
  return out;
}

Conditioning Conditioning::repeat(int64_t times) const {
  return each_part(*this, [&](const at::Tensor& part) { return part.repeat_interleave(times, 0); });
}

Conditioning Conditioning::rows(int64_t begin, int64_t count) const {
  return each_part(*this, [&](const at::Tensor& part) { return part.narrow(0, begin, count); });
}

Conditioning Conditioning::index_select(const at::Tensor& rows) const {
  return each_part(*this, [&](const at::Tensor& part) { return part.index_select(0, rows); });
}

Conditioning Conditioning::to(const at::Device& device) const {
  return each_part(*this, [&](const at::Tensor& part) { return part.to(device); });
}

Conditioning Conditioning::cat(const std::vector<Conditioning>& conditionings) {
  GAMUT_CHECK(!conditionings.empty(), "no conditioning to put together");
  std::map<std::string, std::vector<at::Tensor>> lists;
  for (const Conditioning& one : conditionings)
    for (const auto& [name, part] : one.parts) lists[name].push_back(part);
  Conditioning out;
  for (const auto& [name, list] : lists) {
    GAMUT_CHECK(list.size() == conditionings.size(), "part '", name, "' is in ", list.size(), " of ",
                conditionings.size(), " conditionings");
    out.parts[name] = at::cat(list);
  }
  return out;
}

}  // namespace gamut::models
