// SPDX-License-Identifier: Apache-2.0
// Against diffusers' scheduler (generators/schedules.py), which computes in fp32: 1e-6 is a few of its
// roundings.
#include "gamut/diffusion/sigma_grid.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "support/message_of.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::diffusion {
namespace sigma_grid_test {

using testing::message_of;

void expect_near(const std::vector<double>& got, const std::vector<double>& expected, double tolerance,
                 const std::string& what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], tolerance) << what << " at " << i;
}

TEST(sigma_grid, equals_the_scheduler_of_diffusers) {
  const nlohmann::json fixture =
      io::read_json(std::filesystem::path(GAMUT_SOURCE_DIR) / "tests/diffusion/fixtures/sigma_grids.json");
  ASSERT_EQ(fixture["cases"].size(), 78u);
  for (const nlohmann::json& entry : fixture["cases"]) {
    const SigmaGrid grid{.kind = entry["kind"].get<std::string>(),
                         .steps = entry["steps"].get<int64_t>(),
                         .shift = entry.value("shift", 1.0),
                         .mu = entry.value("mu", 0.0)};
    expect_near(make_sigmas(grid), entry["sigmas"].get<std::vector<double>>(), 1e-6,
                cat(grid.kind, " ", grid.steps, " ", grid.shift, " ", grid.mu));
  }
}

// The ten levels that Flow-GRPO trains Stable Diffusion 3.5 on, six digits.
TEST(sigma_grid, sd3_levels_to_the_printed_digits) {
  expect_near(make_sigmas({.kind = "sd3_diffusers", .steps = 10, .shift = 3}),
              {1, .960129, .913349, .857692, .790368, .707278, .602151, .464876, .278049, .008929, 0}, 5.1e-7,
              "sd3");
}

// By hand: shift 3 sends 3/4, 2/4, 1/4 to 9/10, 3/4, 1/2; e^0 leaves the levels alone.
TEST(sigma_grid, other_grids_by_hand) {
  expect_near(make_sigmas({.kind = "dance", .steps = 4, .shift = 3}), {1, 0.9, 0.75, 0.5, 0}, 1e-15, "dance");
  expect_near(make_sigmas({.kind = "linear", .steps = 4, .shift = 3}), {1, 0.75, 0.5, 0.25, 0}, 1e-15,
              "linear");
  expect_near(make_sigmas({.kind = "flux_dynamic", .steps = 4, .mu = 0}), {1, 0.75, 0.5, 0.25, 0}, 1e-15,
              "flux");
}

TEST(sigma_grid, every_grid_falls_from_exactly_one_to_exactly_zero) {
  for (const std::string& kind : sigma_grid_kinds())
    for (const int64_t steps : {1, 2, 7, 50, 1000}) {
      const std::vector<double> sigmas = make_sigmas({.kind = kind, .steps = steps, .shift = 2.5, .mu = 0.8});
      ASSERT_EQ(int64_t(sigmas.size()), steps + 1) << kind;
      EXPECT_EQ(sigmas.front(), 1.0) << kind << steps;
      EXPECT_EQ(sigmas.back(), 0.0) << kind << steps;
      for (size_t i = 1; i < sigmas.size(); ++i)
        EXPECT_LT(sigmas[i], sigmas[i - 1]) << kind << steps << " at " << i;
    }
}

// e^mu / (e^mu + 1/1 - 1) and s / (1 + (s - 1)) are 1 only before rounding.
TEST(sigma_grid, the_first_level_is_exactly_one_for_any_shift) {
  for (double value = 0.05; value < 6; value += 0.0371)
    for (const std::string& kind : sigma_grid_kinds())
      EXPECT_EQ(make_sigmas({.kind = kind, .steps = 4, .shift = value, .mu = value - 2}).front(), 1.0)
          << kind << value;
}

TEST(sigma_grid, an_unknown_kind_is_refused) {
  EXPECT_EQ(message_of<ConfigError>([] { make_sigmas({.kind = "karras"}); }),
            "[sampler] unknown grid 'karras'");
  EXPECT_THROW(make_sigmas({.kind = "linear", .steps = 0}), InternalError);
}

}  // namespace sigma_grid_test
}  // namespace gamut::diffusion
