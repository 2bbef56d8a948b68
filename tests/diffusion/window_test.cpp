// SPDX-License-Identifier: Apache-2.0
// Windows of noisy steps: MixGRPO (arXiv 2507.21802) and Flow-GRPO-Fast.
#include "gamut/diffusion/schedule.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <map>

namespace gamut::diffusion {
namespace window_test {

SamplerConfig windowed(const std::string& kind, int64_t window, std::vector<int64_t> range = {}) {
  return {.kind = "flow_sde",
          .steps = 10,
          .noise_level = 0.7,
          .window = window,
          .window_kind = kind,
          .window_range = std::move(range)};
}

// Start of the one run of noisy steps, whose length must be the window's.
int64_t start_of(const SamplerConfig& config, uint64_t seed, int64_t iteration) {
  const std::vector<Step> steps = iteration_schedule(config, seed, iteration);
  EXPECT_EQ(int64_t(steps.size()), config.steps);
  int64_t start = -1, noisy = 0;
  for (const Step& step : steps) {
    if (step.noise_std == 0) continue;
    if (start < 0) start = step.index;
    EXPECT_EQ(step.index, start + noisy);
    ++noisy;
  }
  EXPECT_EQ(noisy, config.window);
  return start;
}

void expect_same(const Step& got, const Step& expected) {
  EXPECT_EQ(got.index, expected.index);
  EXPECT_EQ(got.sigma, expected.sigma);
  EXPECT_EQ(got.a, expected.a);
  EXPECT_EQ(got.b, expected.b);
  EXPECT_EQ(got.noise_std, expected.noise_std);
  EXPECT_EQ(got.model_time, expected.model_time);
}

TEST(window, inside_is_the_sampler_outside_the_ode) {
  for (const char* kind : {"flow_sde", "dance_sde", "cps", "ddim"}) {
    SamplerConfig config = windowed("fixed", 3, {2, 9}), quiet = config;
    config.kind = quiet.kind = kind;
    quiet.noise_level = quiet.eta = 0;
    const std::vector<Step> steps = iteration_schedule(config, 1, 0), noisy = make_schedule(config),
                            silent = make_schedule(quiet);
    for (size_t i = 0; i < 10; ++i) expect_same(steps[i], i >= 2 && i < 5 ? noisy[i] : silent[i]);
    EXPECT_EQ(start_of(config, 1, 0), 2) << kind;
    EXPECT_EQ(start_of(config, 2, 77), 2) << kind;
  }
}

TEST(window, zero_is_every_step) {
  const SamplerConfig config = windowed("random", 0);
  const std::vector<Step> steps = iteration_schedule(config, 1, 4), whole = make_schedule(config);
  for (size_t i = 0; i < 10; ++i) expect_same(steps[i], whole[i]);
}

// Starts are uniform on the integers 1 … 5: 2000 draws, 400 each with standard deviation 18.
TEST(window, random_starts_fill_the_range) {
  const SamplerConfig config = windowed("random", 3, {1, 8});
  std::map<int64_t, int> counts;
  for (int64_t iteration = 0; iteration < 2000; ++iteration) ++counts[start_of(config, 7, iteration)];
  ASSERT_EQ(counts.size(), 5u);
  for (const auto& [start, count] : counts) {
    EXPECT_GE(start, 1);
    EXPECT_LE(start, 5);
    EXPECT_NEAR(count, 400, 90) << start;
  }
}

TEST(window, the_iteration_and_the_seed_name_the_window) {
  const SamplerConfig config = windowed("random", 2);
  std::vector<int64_t> once, again, other;
  for (int64_t iteration = 0; iteration < 30; ++iteration) {
    once.push_back(start_of(config, 7, iteration));
    other.push_back(start_of(config, 8, iteration));
  }
  for (int64_t iteration = 29; iteration >= 0; --iteration)
    again.insert(again.begin(), start_of(config, 7, iteration));
  EXPECT_EQ(once, again);
  EXPECT_NE(once, other);
}

std::vector<int64_t> positions(SamplerConfig config, int64_t count) {
  config.window_every = 5;
  std::vector<int64_t> starts;
  for (int64_t iteration = 0; iteration < 5 * count; ++iteration) {
    const int64_t start = start_of(config, 1, iteration);
    if (iteration % 5 == 0) starts.push_back(start);
    EXPECT_EQ(start, starts.back()) << iteration;  // moves every fifth iteration only
  }
  return starts;
}

// By window - overlap, cut off at the end of the range so that every step has its turn, then from the start.
TEST(window, sliding_moves_through_the_range_and_begins_again) {
  SamplerConfig config = windowed("sliding", 4);
  EXPECT_EQ(positions(config, 5), (std::vector<int64_t>{0, 3, 6, 0, 3}));
  config.window_overlap = 3;
  EXPECT_EQ(positions(config, 8), (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 0}));
  config = windowed("sliding", 3, {1, 9});
  config.window_overlap = 0;
  EXPECT_EQ(positions(config, 5), (std::vector<int64_t>{1, 4, 6, 1, 4}));
  config = windowed("sliding", 10);
  EXPECT_EQ(positions(config, 3), (std::vector<int64_t>{0, 0, 0}));
}

std::vector<int64_t> noisy_steps(const SamplerConfig& config, int64_t iteration) {
  std::vector<int64_t> noisy;
  for (const Step& step : iteration_schedule(config, 1, iteration))
    if (step.noise_std > 0) noisy.push_back(step.index);
  return noisy;
}

// The released code's states over 750 iterations: every 25 the start moves by one, from 0 to 22, and the
// window is what the range [0, 23) leaves of four steps; then around.
TEST(window, mixgrpos_windows_on_25_steps) {
  SamplerConfig config = windowed("sliding", 4, {0, 23});
  config.steps = 25;
  config.window_overlap = 3;
  config.window_end = "cut";
  for (int64_t iteration = 0; iteration < 750; ++iteration) {
    std::vector<int64_t> expected;
    const int64_t start = iteration / 25 % 23;
    for (int64_t i = start; i < std::min<int64_t>(start + 4, 23); ++i) expected.push_back(i);
    ASSERT_EQ(noisy_steps(config, iteration), expected) << iteration;
  }
  EXPECT_EQ(noisy_steps(config, 500), (std::vector<int64_t>{20, 21, 22}));
  config.window_overlap = 0;
  EXPECT_EQ(noisy_steps(config, 5 * 25), (std::vector<int64_t>{20, 21, 22}));
  EXPECT_EQ(noisy_steps(config, 6 * 25),
            (std::vector<int64_t>{0, 1, 2, 3}));  // the released window is empty there
  config.window_end = "full";
  EXPECT_EQ(noisy_steps(config, 5 * 25), (std::vector<int64_t>{19, 20, 21, 22}));
}

std::string refusal(const SamplerConfig& config) {
  const std::string message = testing::message_of<ConfigError>([&] { iteration_schedule(config, 1, 0); });
  EXPECT_EQ(message, testing::message_of<ConfigError>([&] { make_schedule(config); }));
  return message;
}

TEST(window, what_cannot_be_is_refused_in_one_line) {
  EXPECT_EQ(refusal(windowed("fixed", 11)),
            "[sampler] window must fit into the steps 0 to 9 (10 steps); got 11");
  EXPECT_EQ(refusal(windowed("random", 3, {4, 6})),
            "[sampler] window must fit into the steps 4 to 5 (2 steps); got 3");
  EXPECT_EQ(refusal(windowed("fixed", 3, {4, 11})),
            "[sampler] window_range must lie inside the steps, 0 <= first < end <= 10; got [4, 11]");
  EXPECT_EQ(refusal(windowed("fixed", 3, {6, 2})),
            "[sampler] window_range must lie inside the steps, 0 <= first < end <= 10; got [6, 2]");
  EXPECT_EQ(refusal(windowed("fixed", 3, {6})),
            "[sampler] window_range must be [first, end] or []; got 1 values");
  SamplerConfig still = windowed("sliding", 3);
  still.window_overlap = 3;
  EXPECT_EQ(refusal(still),
            "[sampler] window_overlap must be below window = 3, or the window never moves; got 3");
  still.window_kind = "fixed";  // not read there
  EXPECT_EQ(start_of(still, 1, 0), 0);
}

}  // namespace window_test
}  // namespace gamut::diffusion
