// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/params.h"

#include "gamut/core/config.h"
#include "gamut/core/error.h"
#include "gamut/core/random.h"
#include "gamut/nn/int8.h"

#include <ATen/ATen.h>

namespace gamut::nn {
namespace {

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += cat(i ? ", " : "", shape[i]);
  }
  return text + "]";
}

bool ends_with_any(const std::string& name, const std::vector<std::string>& suffixes) {
  for (const std::string& suffix : suffixes) {
    if (name.ends_with(suffix)) {
      return true;
    }
  }
  return false;
}

Tensor draw(const Init& init, at::IntArrayRef shape, uint64_t seed, const std::string& name) {
  if (init.kind == Init::Kind::kZeros) {
    return at::zeros(shape, at::kFloat);
  }
  if (init.kind == Init::Kind::kOnes) {
    return at::ones(shape, at::kFloat);
  }
  Tensor tensor = at::empty(shape, at::kFloat);
  std::span<float> values(tensor.mutable_data_ptr<float>(), size_t(tensor.numel()));
  Stream stream(seed, cat("init ", name));
  if (init.kind == Init::Kind::kNormal) {
    stream.fill_normal(values);
    for (float& value : values) {
      value *= float(init.scale);
    }
  } else {
    for (float& value : values) {
      value = float(stream.uniform(-init.scale, init.scale));
    }
  }
  return tensor;
}

// An own copy in the place, type and layout that the network computes in.
Tensor settle(const Tensor& tensor, const ParamOptions& options) {
  const auto format = tensor.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  Tensor settled =
      at::empty(tensor.sizes(), tensor.options().device(options.device).dtype(options.dtype), format);
  return settled.is_meta() ? settled : settled.copy_(tensor);
}

}  // namespace

void check_floating(const Tensor& tensor, std::string_view origin, const std::string& name) {
  if (tensor.is_floating_point()) return;
  throw DataError(origin, cat("tensor '", printable(name), "' must hold floating-point numbers; got ",
                              tensor.scalar_type(), "; the file is damaged, or made for another program"));
}

void check_weight(const Tensor& tensor, std::string_view origin, const std::string& name) {
  check_floating(tensor, origin, name);
  // The sum of finite numbers is finite but for an overflow, and reads the tensor once. In the tensor's own
  // type: another would make LibTorch copy it.
  if (std::isfinite(tensor.sum().item<double>())) return;
  const int64_t damaged = tensor.isfinite().logical_not().sum().item<int64_t>();
  if (damaged > 0)
    throw DataError(origin, cat("tensor '", printable(name), "' must hold finite numbers; got ", damaged,
                                " of ", tensor.numel(), " NaN or infinite; the file is damaged"));
}

Init Init::uniform_fan_in(int64_t fan_in) { return uniform(1.0 / std::sqrt(double(fan_in))); }

ParamStore ParamStore::from_tensors(TensorMap source, std::string origin, ParamOptions options) {
  ParamStore store;
  store.origin_ = std::move(origin);
  store.options_ = options;
  store.source_ = std::move(source);
  return store;
}

ParamStore ParamStore::from_seed(uint64_t seed, ParamOptions options) {
  ParamStore store;
  store.origin_ = "init";
  store.options_ = options;
  store.from_seed_ = true;
  store.seed_ = seed;
  return store;
}

Tensor ParamStore::take(const std::string& name, at::IntArrayRef shape) {
  auto found = source_.find(name);
  if (found == source_.end()) {
    std::vector<std::string> names;
    for (const auto& [key, tensor] : source_) {
      names.push_back(key);
    }
    const std::string near = nearest_name(name, names);
    throw DataError(origin_,
                    cat("tensor '", name, "' is missing; expected shape ", shape_text(shape),
                        near.empty() ? "" : cat("; the nearest unused one is '", printable(near), "'"),
                        "; are config.json and the weights from the same model?"));
  }
  Tensor tensor = found->second;
  if (tensor.sizes() != shape) {
    throw DataError(origin_, cat("tensor '", name, "' has the wrong shape; got ", shape_text(tensor.sizes()),
                                 "; expected ", shape_text(shape),
                                 "; are config.json and the weights from the same model?"));
  }
  check_floating(tensor, origin_, name);
  if (!options_.device.is_meta()) check_weight(tensor, origin_, name);  // which would read the file
  source_.erase(found);
  return tensor;
}

Tensor ParamStore::source_of(const std::string& name, at::IntArrayRef shape, const Init& init) {
  if (!from_seed_) return take(name, shape);
  if (options_.device.is_meta()) return at::empty(shape, at::TensorOptions(at::kMeta).dtype(at::kFloat));
  return draw(init, shape, seed_, name);
}

Tensor ParamStore::declare(const std::string& name, at::IntArrayRef shape, const Init& init,
                           std::optional<at::ScalarType> dtype) {
  ParamOptions options = options_;
  options.dtype = dtype.value_or(options.dtype);
  Tensor tensor = settle(source_of(name, shape, init), options);
  params_.push_back({name, tensor});
  return tensor;
}

Matrix ParamStore::declare_matrix(const std::string& name, at::IntArrayRef shape, const Init& init,
                                  std::optional<at::ScalarType> dtype) {
  if (!options_.int8) return {declare(name, shape, init, dtype), {}};
  const Tensor source = source_of(name, shape, init);
  const Int8Rows rows = quantized(source.to(options_.device));
  params_.push_back({name, rows.values});
  scales_.push_back({name, rows.scale});
  return {rows.values, rows.scale};
}

Tensor ParamStore::declare_buffer(const std::string& name, at::IntArrayRef shape,
                                  const std::function<Tensor()>& make) {
  const bool made = from_seed_ && !options_.device.is_meta();
  const Tensor source = made         ? make()
                        : from_seed_ ? at::empty(shape, at::TensorOptions(at::kMeta).dtype(at::kFloat))
                                     : take(name, shape);
  Tensor tensor = settle(source, options_);
  buffers_.push_back({name, tensor});
  return tensor;
}

void ParamStore::finish(const std::vector<std::string>& ignored_suffixes) {
  std::string surplus;
  int64_t count = 0;
  for (const auto& [name, tensor] : source_) {
    if (!ends_with_any(name, ignored_suffixes) && ++count <= 3) {
      surplus += cat(count > 1 ? ", " : "", "'", printable(name), "'");
    }
  }
  if (count > 0) {
    throw DataError(origin_, cat("the weights hold ", count, count == 1 ? " tensor" : " tensors",
                                 " that config.json has no place for; got ", surplus, count > 3 ? ", …" : "",
                                 "; are config.json and the weights from the same model?"));
  }
  source_.clear();
}

AdapterHandle ParamStore::make_adapter_slot(const std::string& path, const Tensor& weight) {
  return adapters_[path] = std::make_shared<AdapterSlot>(AdapterSlot{.weight = weight});
}

int64_t ParamStore::num_elements() const {
  int64_t total = 0;
  for (const NamedTensor& param : params_) {
    total += param.tensor.numel();
  }
  return total;
}

int64_t ParamStore::int8_elements() const {
  int64_t total = 0;
  for (const NamedTensor& param : params_)
    if (param.tensor.scalar_type() == at::kChar) total += param.tensor.numel();
  return total;
}

int64_t ParamStore::num_bytes() const {
  int64_t bytes = 0;
  for (const auto* tensors : {&params_, &scales_})
    for (const NamedTensor& each : *tensors) bytes += int64_t(each.tensor.nbytes());
  return bytes;
}

void ParamStore::require_grad(bool on) {
  if (on && !scales_.empty())
    throw ConfigError(origin_,
                      "weights that are held in int8 cannot train; open the model without int8, or "
                      "train an adapter");
  for (NamedTensor& param : params_) {
    param.tensor.set_requires_grad(on);
  }
}

std::string Scope::path_of(const std::string& name) const {
  return prefix_.empty() ? name : cat(prefix_, ".", name);
}

Scope Scope::operator[](const std::string& name) const {
  Scope inner(*store_, path_of(name));
  inner.dtype_ = dtype_;
  return inner;
}

Scope Scope::in_type(at::ScalarType dtype) const {
  Scope typed = *this;
  typed.dtype_ = dtype;
  return typed;
}

Tensor Scope::get(const std::string& name, at::IntArrayRef shape, const Init& init) const {
  return store_->declare(path_of(name), shape, init, dtype_);
}

Matrix Scope::matrix(at::IntArrayRef shape, const Init& init) const {
  return store_->declare_matrix(path_of("weight"), shape, init, dtype_);
}

Tensor Scope::buffer(const std::string& name, at::IntArrayRef shape,
                     const std::function<Tensor()>& make) const {
  return store_->declare_buffer(path_of(name), shape, make);
}

}  // namespace gamut::nn
