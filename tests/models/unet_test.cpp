// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/unet/unet_2d_condition.h"

#include "models/hashed_weights.h"
#include "support/cpu_paths.h"

#include <ATen/Parallel.h>

namespace gamut::models {
namespace unet_test {

struct Loaded {
  Fixture fixture;
  nn::ParamStore store;
  UNet2DCondition unet;

  explicit Loaded(const std::string& name, const nn::ParamOptions& options = {})
      : fixture(Fixture::read(name)),
        store(nn::ParamStore::from_tensors(fixture.weights, "unet", options)),
        unet(parse_unet_config(fixture.config, name), nn::Scope(store)) {
    store.finish();
  }
  const at::Tensor& operator[](const std::string& name) const { return fixture.tensors.at(name); }
};

constexpr const char* kCases[] = {"unet_sd15", "unet_sd21",  "unet_glyphs",
                                  "unet_odd",  "unet_plain", "unet_no_mid"};

// 1e-5 absolute on outputs of size one: the reference's own difference between channels-last and not is 2e-6.
TEST_ON_CPU_PATHS(unet, equals_diffusers) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    Loaded loaded(name);
    expect_near(loaded.unet(loaded["sample"], loaded["timestep"], loaded["text"]), loaded["output"], 1e-5,
                "output");
  }
}

TEST(unet, one_time_serves_all_rows) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    Loaded loaded(name);
    const Tensor time = loaded["timestep"].narrow(0, 1, 1);
    expect_near(loaded.unet(loaded["sample"], time, loaded["text"]), loaded["output_one_time"], 1e-5,
                "output");
  }
}

// Gradient checkpointing: the output to the last bit, gradients of all parameters and of the text to
// rounding.
TEST(unet, recomputing_changes_nothing_but_the_order_of_sums) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    const auto results = [&](bool recompute, bool all_weights) {
      Loaded loaded(name);
      loaded.unet.recompute_in_backward(recompute);
      if (all_weights)
        loaded.store.require_grad(true);
      else
        Tensor(loaded.store.params().back().tensor).set_requires_grad(true);
      const Tensor text = loaded["text"].clone().set_requires_grad(all_weights);
      const Tensor out = loaded.unet(loaded["sample"], loaded["timestep"], text);
      (out * loaded["probe"]).sum().backward();
      std::vector<Tensor> values{out.detach(), text.grad()};
      for (const nn::NamedTensor& param : loaded.store.params()) values.push_back(param.tensor.grad());
      return values;
    };
    for (const bool all_weights : {true, false}) {
      const std::vector<Tensor> expected = results(false, all_weights), got = results(true, all_weights);
      for (size_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ(got[i].defined(), expected[i].defined()) << i;
        if (got[i].defined())
          expect_near(got[i], expected[i], 1e-6 + 1e-5 * expected[i].abs().max().item<double>(),
                      std::to_string(i));
      }
      EXPECT_TRUE(at::equal(got[0], expected[0]));
    }
  }
}

TEST_ON_CPU_PATHS(unet, gradients_equal_autograd_of_diffusers) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    Loaded loaded(name);
    loaded.store.require_grad(true);
    const Tensor sample = loaded["sample"].clone().set_requires_grad(true);
    const Tensor text = loaded["text"].clone().set_requires_grad(true);
    (loaded.unet(sample, loaded["timestep"], text) * loaded["probe"]).sum().backward();
    expect_gradients(loaded.store, loaded.fixture);
    const Tensor& expected = loaded["grad_sample"];
    expect_near(sample.grad(), expected, 1e-4 * expected.abs().max().item<double>(), "grad_sample");
    if (loaded.fixture.tensors.contains("grad_text")) {
      const Tensor& from_text = loaded["grad_text"];
      expect_near(text.grad(), from_text, 1e-4 * from_text.abs().max().item<double>(), "grad_text");
    }
  }
}

// The ratio of an on-policy update is exactly one only if both modes run the same arithmetic.
TEST_ON_CPU_PATHS(unet, same_bits_with_and_without_grad) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    Loaded loaded(name);
    const Tensor without = loaded.unet(loaded["sample"], loaded["timestep"], loaded["text"]);
    loaded.store.require_grad(true);
    const Tensor with = loaded.unet(loaded["sample"], loaded["timestep"], loaded["text"]);
    EXPECT_TRUE(with.requires_grad());
    EXPECT_TRUE(at::equal(with.detach(), without));
  }
}

// fp64 takes PyTorch's operations only, which are what every other device runs.
TEST(unet, the_path_of_other_devices_equals_diffusers) {
  for (const char* name : kCases) {
    SCOPED_TRACE(name);
    Loaded loaded(name, {at::kCPU, at::kDouble});
    loaded.store.require_grad(true);
    const Tensor out =
        loaded.unet(loaded["sample"].to(at::kDouble), loaded["timestep"], loaded["text"].to(at::kDouble));
    expect_near(out, loaded["output"], 1e-5, "output");
    (out * loaded["probe"]).sum().backward();
    expect_gradients(loaded.store, loaded.fixture);
  }
}

// Rollouts promise that no picture depends on the others of its batch or on the number of threads. It holds
// for widths that the CPU kernels take; PyTorch's own matrix products, which take the rest, round by the size
// of the batch.
TEST_ON_CPU_PATHS(unet, a_sample_does_not_depend_on_batch_or_threads) {
  for (const char* name : {"unet_sd15", "unet_sd21", "unet_glyphs"}) {
    SCOPED_TRACE(name);
    Loaded loaded(name);
    const Tensor x = loaded["sample"].repeat({4, 1, 1, 1}), text = loaded["text"].repeat({4, 1, 1});
    const Tensor time = loaded["timestep"].narrow(0, 1, 1);
    const int before = at::get_num_threads();
    at::set_num_threads(3);
    const Tensor together = loaded.unet(x, time, text);
    at::set_num_threads(1);
    for (const int64_t row : {int64_t{0}, x.size(0) - 1}) {
      const Tensor alone = loaded.unet(x.narrow(0, row, 1), time, text.narrow(0, row, 1));
      EXPECT_TRUE(at::equal(alone, together.narrow(0, row, 1))) << "row " << row;
    }
    at::set_num_threads(before);
  }
}

}  // namespace unet_test
}  // namespace gamut::models
