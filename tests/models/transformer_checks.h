// SPDX-License-Identifier: Apache-2.0
// What every transformer of tests/generators/dit.py is held to. `Loaded` opens a fixture by name and has
// `fixture`, `store`, `net` and `run(inputs)`, whose inputs are named sample, time, hidden, pooled and, for
// some, guidance.
#pragma once

#include "gamut/nn/lora.h"
#include "models/hashed_weights.h"
#include "support/library_sums.h"

#include <ATen/Parallel.h>

#include <map>
#include <string>
#include <vector>

namespace gamut::models {

using Inputs = std::map<std::string, at::Tensor>;

inline Inputs inputs_of(const Fixture& fixture, at::ScalarType type = at::kFloat,
                        bool with_gradient = false) {
  Inputs inputs;
  for (const char* name : {"sample", "time", "hidden", "pooled", "guidance"})
    if (const auto found = fixture.tensors.find(name); found != fixture.tensors.end()) {
      const bool number = found->second.dim() == 1;
      inputs[name] =
          found->second.to(number ? at::kFloat : type).clone().set_requires_grad(with_gradient && !number);
    }
  return inputs;
}

// 1e-5 on outputs: they are of size one, after a few blocks in fp32. On an Intel machine 3e-5: the fixtures
// are of an AMD one, and diffusers' own outputs move by 1.7e-5 between the two.
template <class Loaded>
void expect_original(const std::string& name, at::ScalarType type) {
  SCOPED_TRACE(name);
  Loaded loaded(name, {at::kCPU, type});
  loaded.store.require_grad(true);
  Inputs in = inputs_of(loaded.fixture, type, true);
  const at::Tensor out = loaded.run(in);
  const nn::TensorMap& stored = loaded.fixture.tensors;
  expect_near(out, stored.at("output"), testing::library_sums_as_on_amd() ? 1e-5 : 3e-5, "output");
  (out * stored.at("probe")).sum().backward();
  expect_gradients(loaded.store, loaded.fixture);
  for (const char* input : {"sample", "hidden", "pooled"}) {
    const at::Tensor& expected = stored.at(std::string("grad_") + input);
    expect_near(in[input].grad(), expected, 1e-4 * expected.abs().max().template item<double>(), input);
  }
}

// The ratio of an on-policy update is exactly one only if all of these run the same arithmetic.
template <class Loaded>
void expect_same_bits_with_and_without_grad(const std::string& name) {
  SCOPED_TRACE(name);
  Loaded loaded(name);
  const at::Tensor without = loaded.run(inputs_of(loaded.fixture));
  loaded.store.require_grad(true);
  const at::Tensor with = loaded.run(inputs_of(loaded.fixture));
  EXPECT_TRUE(with.requires_grad());
  EXPECT_TRUE(at::equal(with.detach(), without));
  loaded.net.recompute_in_backward(true);
  EXPECT_TRUE(at::equal(loaded.run(inputs_of(loaded.fixture)).detach(), without));
}

// Gradient checkpointing with an adapter on a frozen network, as RL trains it.
template <class Loaded>
void expect_recomputed_gradients(const std::string& name) {
  SCOPED_TRACE(name);
  const auto gradients = [&](bool recompute) {
    Loaded loaded(name);
    loaded.net.recompute_in_backward(recompute);
    nn::LoraConfig config;
    config.rank = 2;
    nn::ParamStore adapter = nn::attach_lora(loaded.store, config, 1);
    adapter.require_grad(true);
    Inputs in = inputs_of(loaded.fixture, at::kFloat, true);
    (loaded.run(in) * loaded.fixture.tensors.at("probe")).sum().backward();
    std::vector<at::Tensor> all{in["sample"].grad(), in["hidden"].grad(), in["pooled"].grad()};
    for (const nn::NamedTensor& param : adapter.params()) all.push_back(param.tensor.grad());
    return all;
  };
  const std::vector<at::Tensor> expected = gradients(false), got = gradients(true);
  for (size_t i = 0; i < expected.size(); ++i)
    expect_near(got[i], expected[i], 1e-6 + 1e-5 * expected[i].abs().max().template item<double>(),
                std::to_string(i));
}

// For widths that the CPU kernels take: no picture depends on the others of its batch or on the number of
// threads, but by the last bits of the library's products. LibTorch's AVX-512 activations take 32 numbers at
// a time, and round what is left over differently: of widths of 48 two pictures are taken out together.
template <class Loaded>
void expect_rows_on_their_own(const std::string& name) {
  SCOPED_TRACE(name);
  Loaded loaded(name);
  Inputs many;
  for (const auto& [input, tensor] : inputs_of(loaded.fixture)) {
    std::vector<int64_t> times(size_t(tensor.dim()), 1);
    times[0] = 4;
    many[input] = tensor.repeat(times);
  }
  const nlohmann::json& config = loaded.fixture.config;
  const int64_t width =
      config["num_attention_heads"].get<int64_t>() * config["attention_head_dim"].get<int64_t>();
  const int64_t few = width % 32 == 0 ? 1 : 2;
  const int before = at::get_num_threads();
  at::set_num_threads(3);
  const at::Tensor together = loaded.run(many);
  at::set_num_threads(1);
  for (const int64_t row : {int64_t{0}, many["sample"].size(0) - few}) {
    Inputs one;
    for (const auto& [input, tensor] : many) one[input] = tensor.narrow(0, row, few);
    const at::Tensor alone = loaded.run(one), beside = together.narrow(0, row, few);
    EXPECT_TRUE(at::equal(alone, beside)) << "row " << row;
  }
  at::set_num_threads(before);
}

}  // namespace gamut::models
