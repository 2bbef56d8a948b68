// SPDX-License-Identifier: Apache-2.0
// The fixtures of tests/generators/networks.py: weights drawn from a hash instead of stored, inputs and
// outputs from <case>.safetensors, config and parameter list from <case>.json.
#pragma once

#include "gamut/io/files.h"
#include "gamut/nn/params.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace gamut::models {

// Uniform numbers in [-1, 1): splitmix64 of FNV-1a(name) + index * golden ratio, as the generator draws them.
inline std::vector<double> hashed(const std::string& name, int64_t count) {
  uint64_t start = 0xCBF29CE484222325;
  for (const char c : name) {
    start = (start ^ uint8_t(c)) * 0x100000001B3;
  }
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) {
    uint64_t x = start + uint64_t(i) * 0x9E3779B97F4A7C15;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    x = x ^ (x >> 31);
    values.push_back(double(x >> 40) / 8388608.0 - 1.0);
  }
  return values;
}

struct Fixture {
  nlohmann::json config;
  nn::TensorMap weights;
  nn::TensorMap tensors;

  static Fixture read(const std::string& name) {
    const std::filesystem::path folder = std::filesystem::path(GAMUT_SOURCE_DIR) / "tests/models/fixtures";
    const nlohmann::json json = io::read_json(folder / (name + ".json"));
    Fixture fixture{json["config"], {}, nn::load_safetensors(folder / (name + ".safetensors"))};
    for (const auto& [key, row] : json["parameters"].items()) {
      const auto shape = row[0].get<std::vector<int64_t>>();
      const double center = row[1], bound = row[2];
      at::Tensor tensor = at::empty(shape, at::kFloat);
      float* out = tensor.mutable_data_ptr<float>();
      for (const double value : hashed(key, tensor.numel())) {
        *out++ = float(center + bound * value);
      }
      fixture.weights[key] = tensor;
    }
    return fixture;
  }
};

inline void expect_near(const at::Tensor& got, const at::Tensor& expected, double tolerance,
                        const std::string& what) {
  ASSERT_EQ(got.sizes(), expected.sizes()) << what;
  const at::Tensor error = (got.detach().to(at::kDouble) - expected.to(at::kDouble)).abs().flatten();
  const int64_t worst = error.argmax().item<int64_t>();
  EXPECT_LE(error[worst].item<double>(), tolerance)
      << what << "[" << worst << "] is " << got.flatten()[worst].item<double>() << ", the reference has "
      << expected.flatten()[worst].item<double>();
}

// Gradients of all parameters, by norm and by product with a hashed direction, and the stored ones in full;
// each to 1e-4 of its own size: fp32 sums over thousands of terms in another order. The floor of 1e-5 is for
// gradients that are zero but for rounding, such as a key bias's.
inline void expect_gradients(const nn::ParamStore& store, const Fixture& fixture,
                             const std::string& strip = "") {
  std::map<std::string, at::Tensor> grads;
  for (const nn::NamedTensor& param : store.params()) {
    ASSERT_TRUE(param.tensor.grad().defined()) << param.name;
    grads[param.name.substr(strip.size())] = param.tensor.grad();
  }
  int64_t row = 0;
  for (const auto& [name, grad] : grads) {
    const at::Tensor flat = grad.contiguous().flatten().to(at::kDouble);
    const double norm = fixture.tensors.at("grad_norms")[row].item<double>();
    EXPECT_NEAR(flat.norm().item<double>(), norm, 1e-4 * norm + 1e-5) << name;
    const at::Tensor direction = at::tensor(hashed(name + "#direction", flat.numel()), at::kDouble);
    EXPECT_NEAR((flat * direction).sum().item<double>(), fixture.tensors.at("grad_dots")[row].item<double>(),
                1e-4 * norm + 1e-5)
        << name;
    ++row;
  }
  for (const auto& [key, expected] : fixture.tensors) {
    if (key.starts_with("grad.")) {
      expect_near(grads.at(key.substr(5)), expected, 1e-4 * expected.abs().max().item<double>(), key);
    }
  }
}

}  // namespace gamut::models
