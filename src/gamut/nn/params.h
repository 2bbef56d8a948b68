// SPDX-License-Identifier: Apache-2.0
// Parameters by name. A network's constructor declares each tensor it needs, by the name that diffusers or
// transformers gives it; the store then reads it from files or draws it for training from scratch.
//
//   ParamStore store = ParamStore::from_tensors(load_safetensors("unet/…"), "unet", {});
//   UNet2DCondition unet(config, Scope(store));
//   store.finish();                                   // surplus tensors are errors
//
//   Linear::Linear(Scope scope, int64_t in, int64_t out)
//       : weight(scope.get("weight", {out, in}, Init::uniform_fan_in(in))), … {}
//
// Tensors are handles: the layers, the optimizer and the files see the same storage.
#pragma once

#include "gamut/nn/adapter.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gamut::nn {

using at::Tensor;
using TensorMap = std::map<std::string, Tensor>;

// How a tensor starts when it is not read from a file.
struct Init {
  enum class Kind { kZeros, kOnes, kUniform, kNormal } kind = Kind::kZeros;
  double scale = 0;  // bound of the uniform, or standard deviation
  static Init zeros() { return {Kind::kZeros, 0}; }
  static Init ones() { return {Kind::kOnes, 0}; }
  static Init uniform(double bound) { return {Kind::kUniform, bound}; }
  static Init uniform_fan_in(int64_t fan_in);  // U(±1/sqrt(fan_in)), PyTorch's default for weights and biases
  static Init normal(double std) { return {Kind::kNormal, std}; }
};

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

struct ParamOptions {
  at::Device device = at::kCPU;  // at::kMeta: shapes only; no weight is read, drawn or checked for NaN
  at::ScalarType dtype = at::kFloat;
  std::optional<at::ScalarType> mixed =
      {};             // what the denoiser's products compute in over fp32 (nn/autocast.h)
  bool int8 = false;  // matrices of linear layers are held in int8 and do not train (nn/int8.h)
};

// Of a linear layer.
struct Matrix {
  Tensor weight;  // [out, in]; int8 where there is a scale
  Tensor scale;   // [out] fp32, or undefined
};

class ParamStore {
 public:
  // Declared tensors are taken from `source`, cast to options.dtype. `origin` ("unet") opens every message.
  static ParamStore from_tensors(TensorMap source, std::string origin, ParamOptions options);
  // Declared tensors are drawn from the stream (seed, "init", name), so that adding a layer changes no other.
  static ParamStore from_seed(uint64_t seed, ParamOptions options);

  // DataError when missing (names the nearest surplus key), of another shape (names both shapes), or when
  // check_weight says so. 4-d weights are stored channels-last. `dtype` stands in for options.dtype where a
  // tensor needs another type.
  Tensor declare(const std::string& name, at::IntArrayRef shape, const Init& init,
                 std::optional<at::ScalarType> dtype = std::nullopt);
  // The same for the matrix [out, in] of a linear layer. With options.int8 it is quantized as it is read, so
  // that one matrix at a time is there in another type; params() then has its int8 numbers.
  Matrix declare_matrix(const std::string& name, at::IntArrayRef shape, const Init& init,
                        std::optional<at::ScalarType> dtype = std::nullopt);
  // The same for a table that files hold beside the parameters: it is saved, but nobody trains it, so it is
  // none of params(). A new network gets make()'s.
  Tensor declare_buffer(const std::string& name, at::IntArrayRef shape, const std::function<Tensor()>& make);
  // DataError naming up to three tensors of the source that nobody declared; `ignored` suffixes are allowed.
  void finish(const std::vector<std::string>& ignored_suffixes = {});

  const std::vector<NamedTensor>& params() const { return params_; }  // in order of declaration
  const std::vector<NamedTensor>& buffers() const { return buffers_; }
  const std::vector<NamedTensor>& scales() const {
    return scales_;
  }  // of the matrices in int8, by their names
  // A place for adapters beside the weight of the layer at `path`; each layer keeps a handle to its own.
  AdapterHandle make_adapter_slot(const std::string& path, const Tensor& weight);
  const std::map<std::string, AdapterHandle>& adapters() const { return adapters_; }
  int64_t num_elements() const;
  int64_t int8_elements() const;  // of these, those held in int8
  int64_t num_bytes() const;      // of params() and scales()
  void require_grad(bool on);     // on: ConfigError where matrices are held in int8

 private:
  Tensor source_of(const std::string& name, at::IntArrayRef shape, const Init& init);
  Tensor take(const std::string& name, at::IntArrayRef shape);
  std::string origin_;
  ParamOptions options_;
  bool from_seed_ = false;
  uint64_t seed_ = 0;
  TensorMap source_;
  std::vector<NamedTensor> params_, buffers_, scales_;
  std::map<std::string, AdapterHandle> adapters_;
};

// A place in the tree of names; scope["attn1"]["to_q"].get("weight", …) declares "attn1.to_q.weight".
class Scope {
 public:
  explicit Scope(ParamStore& store, std::string prefix = "") : store_(&store), prefix_(std::move(prefix)) {}
  Scope operator[](const std::string& name) const;
  Scope operator[](int64_t index) const { return (*this)[std::to_string(index)]; }
  // The same place, where tensors are held in `dtype` whatever the store's options say.
  Scope in_type(at::ScalarType dtype) const;
  Tensor get(const std::string& name, at::IntArrayRef shape, const Init& init) const;
  Matrix matrix(at::IntArrayRef shape, const Init& init) const;  // "weight" of a linear layer
  Tensor buffer(const std::string& name, at::IntArrayRef shape, const std::function<Tensor()>& make) const;
  AdapterHandle adapter_slot(const Tensor& weight) const {
    return store_->make_adapter_slot(prefix_, weight);
  }

 private:
  std::string path_of(const std::string& name) const;
  ParamStore* store_;
  std::string prefix_;
  std::optional<at::ScalarType> dtype_;
};

// DataError unless the tensor, read from a file, holds floating-point numbers.
void check_floating(const Tensor& tensor, std::string_view origin, const std::string& name);
// The same, and DataError for a NaN or infinity in it.
void check_weight(const Tensor& tensor, std::string_view origin, const std::string& name);

// Reads one file, or the shards that an index (`….safetensors.index….json`) names. CPU tensors, copied out of
// the mapping.
TensorMap load_safetensors(const std::filesystem::path& file_or_index);
// The same without copying: read-only tensors that lie in the mapped files. Each one's pages go back to the
// system with its last handle, so that a model opened from them never is in memory twice. Nothing may write
// to them.
TensorMap map_safetensors(const std::filesystem::path& file_or_index);
// Contiguous, on the CPU, in the order given; atomic.
void save_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace gamut::nn
