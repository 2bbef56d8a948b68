// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/sliced_predict.h"

#include "gamut/models/pipeline.h"
#include "support/threads.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <stdexcept>

namespace gamut::models {
namespace sliced_predict_test {

using at::Tensor;
using testing::Threads;

const std::filesystem::path kModels = std::filesystem::path(GAMUT_SOURCE_DIR) / "models";
constexpr int64_t kRows = 13;  // four for each of three threads, and one more

struct Input {
  Tensor x, time;
  Conditioning cond;
};

Input input_of(const Pipeline& pipe) {
  at::manual_seed(3);
  const std::vector<int64_t> shape = pipe.latent_shape();
  return {at::randn({kRows, shape[0], shape[1], shape[2]}).contiguous(at::MemoryFormat::ChannelsLast),
          at::linspace(10, 990, kRows), pipe.encode(std::vector<std::string>(kRows, "the letter K"))};
}

TEST(sliced_predict, any_number_of_threads_gives_the_same_bits) {
  const at::NoGradGuard no_grad;
  for (const char* name : {"glyphs", "sd3-tiny"}) {
    const Pipeline pipe = Pipeline::open(kModels / name, {});
    const Input input = input_of(pipe);
    const auto on = [&](int threads) {
      const Threads scope(threads);
      return pipe.predict(input.x, input.time, input.cond);
    };
    EXPECT_TRUE(at::equal(on(2), on(1))) << name;
    EXPECT_TRUE(at::equal(on(3), on(1))) << name;
  }
}

// Counts its calls, and what it was given.
struct Counting : Denoiser {
  mutable std::atomic<int64_t> calls = 0, rows = 0;
  nn::ParamStore store;

  Tensor predict(const Tensor& x, const Tensor&, const Conditioning& cond) const override {
    ++calls;
    rows += x.size(0);
    if (cond.num_rows() != x.size(0)) throw std::runtime_error("other rows");
    return x * 2;
  }
  nn::ParamStore& params() override { return store; }
  void recompute_in_backward(bool) override {}
};

int64_t calls_of(const Tensor& x, int threads, bool with_gradient = false) {
  const Threads scope(threads);
  const at::AutoGradMode mode(with_gradient);
  const Counting denoiser;
  const Conditioning cond{{{"hidden", at::zeros({x.size(0), 1, 1})}}};
  const Tensor y = predict_by_threads(denoiser, x, at::zeros({1}), cond);
  EXPECT_TRUE(at::equal(y, x * 2));
  EXPECT_EQ(denoiser.rows, x.size(0));
  return denoiser.calls;
}

TEST(sliced_predict, slices_where_there_are_rows_and_no_gradient) {
  const Tensor x = at::randn({9, 2, 4, 4});
  EXPECT_EQ(calls_of(x, 1), 1);
  EXPECT_EQ(calls_of(x, 2), 2);
  EXPECT_EQ(calls_of(x, 3), 1);  // three rows each
  EXPECT_EQ(calls_of(x, 2, true), 1);
  EXPECT_EQ(calls_of(x.to(at::kBFloat16), 2), 1);
}

TEST(sliced_predict, an_error_of_one_thread_is_the_callers) {
  const Threads scope(2);
  const at::NoGradGuard no_grad;
  const Counting denoiser;
  const Conditioning wrong{{{"hidden", at::zeros({9, 1, 1})}}};
  const Conditioning right{{{"hidden", at::zeros({8, 1, 1})}}};
  EXPECT_NO_THROW(predict_by_threads(denoiser, at::zeros({8, 2, 4, 4}), at::zeros({1}), right));
  EXPECT_ANY_THROW(predict_by_threads(denoiser, at::zeros({10, 2, 4, 4}), at::zeros({1}), wrong));
}

}  // namespace sliced_predict_test
}  // namespace gamut::models
