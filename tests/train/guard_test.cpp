// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/guard.h"

#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "support/message_of.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <limits>

namespace gamut::train {
namespace guard_test {

using testing::message_of;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

class guard : public ::testing::Test {
 protected:
  void SetUp() override { set_log_level(LogLevel::kQuiet); }
  void TearDown() override { set_log_level(LogLevel::kInfo); }
};

Guard warmed_up(const GuardConfig& config, double norm = 2) {
  Guard made(config);
  for (int64_t i = 0; i < 10; ++i) EXPECT_TRUE(made.admits(true, norm, i));
  return made;
}

TEST_F(guard, finite_updates_pass_and_others_are_skipped_and_counted) {
  Guard made({});
  EXPECT_TRUE(made.admits(true, 1, 1));
  EXPECT_FALSE(made.admits(false, kNaN, 2));
  EXPECT_FALSE(made.admits(false, kNaN, 3));
  EXPECT_TRUE(made.admits(true, 1, 4));
  EXPECT_EQ(made.skipped_total(), 2);
}

TEST_F(guard, stops_when_the_recipe_says_so) {
  GuardConfig config;
  config.on_nonfinite = "stop";
  EXPECT_EQ(message_of<NumericalError>([&] { Guard(config).admits(false, kNaN, 7); }),
            "[guard] the loss or its gradient is not finite in iteration 7; the recipe says stop "
            "(guard.on_nonfinite); the last checkpoint is intact");
  config = {};
  config.on_spike = "stop";
  EXPECT_EQ(message_of<NumericalError>([&] { warmed_up(config).admits(true, 50, 12); }),
            "[guard] gradient norm 50 is 25 times its running mean in iteration 12; the recipe says stop "
            "(guard.on_spike); the last checkpoint is intact");
}

TEST_F(guard, stops_after_too_many_skips_in_a_row) {
  GuardConfig config;
  config.max_skips = 3;
  Guard made(config);
  EXPECT_FALSE(made.admits(false, kNaN, 1));
  EXPECT_FALSE(made.admits(false, kNaN, 2));
  EXPECT_TRUE(made.admits(true, 1, 3));  // the row begins anew
  EXPECT_FALSE(made.admits(false, kNaN, 4));
  EXPECT_FALSE(made.admits(false, kNaN, 5));
  EXPECT_EQ(
      message_of<NumericalError>([&] { made.admits(false, kNaN, 6); }),
      "[guard] 3 updates in a row were skipped, the last because the loss or its gradient is not finite in "
      "iteration 6; lower optimizer.learning_rate; the last checkpoint is intact");
}

TEST_F(guard, a_spike_needs_ten_updates_of_history) {
  Guard young({});
  for (int64_t i = 0; i < 9; ++i) EXPECT_TRUE(young.admits(true, 1, i));
  EXPECT_TRUE(young.admits(true, 1000, 10));
  Guard old = warmed_up({});
  EXPECT_TRUE(old.admits(true, 39, 11));  // 19.5 times 2
  Guard other = warmed_up({});
  EXPECT_FALSE(other.admits(true, 41, 11));
  EXPECT_TRUE(other.admits(true, 39, 12));  // the skipped norm did not enter the mean
  GuardConfig config;
  config.on_spike = "ignore";
  EXPECT_TRUE(warmed_up(config).admits(true, 1e9, 11));
}

TEST_F(guard, the_running_mean_decays_by_a_tenth) {
  Guard made = warmed_up({}, 1);
  EXPECT_TRUE(made.admits(true, 11, 11));  // mean 2
  EXPECT_NEAR(made.state()["norm_mean"].get<double>(), 2, 1e-12);
  EXPECT_FALSE(made.admits(true, 40.1, 12));
}

TEST_F(guard, the_ratio_may_deviate_up_to_the_tolerance) {
  Guard({}).check_ratio(0, 1);
  EXPECT_EQ(message_of<NumericalError>([] { Guard({}).check_ratio(1e-7, 4); }),
            "[guard] rollout and update must see the same policy before the first update; got |ratio - 1| up "
            "to 1e-07 "
            "in iteration 4; expected at most 0 (guard.ratio_tolerance)");
  GuardConfig config;
  config.ratio_tolerance = 1e-6;
  Guard(config).check_ratio(1e-6, 1);
  EXPECT_THROW(Guard(config).check_ratio(2e-6, 1), NumericalError);
  EXPECT_THROW(Guard(config).check_ratio(kNaN, 1), NumericalError);
}

TEST_F(guard, a_subset_rule_that_most_groups_refuse_is_named_once) {
  Guard refused({}), fits({});
  int warnings = 0;
  for (int i = 0; i < 30; ++i) {
    warnings += refused.watch_subset(3, 4);
    EXPECT_FALSE(fits.watch_subset(2, 4));  // half is not most
  }
  EXPECT_EQ(warnings, 1);
}

TEST_F(guard, its_state_goes_through_json) {
  GuardConfig config;
  config.max_skips = 2;
  Guard made = warmed_up(config);
  EXPECT_FALSE(made.admits(false, kNaN, 11));
  Guard restored(config);
  restored.load_state(nlohmann::json::parse(made.state().dump()));
  EXPECT_EQ(restored.state(), made.state());
  EXPECT_EQ(restored.skipped_total(), 1);
  EXPECT_THROW(restored.admits(true, 50, 12), NumericalError);  // second in a row, and still a spike
}

}  // namespace guard_test
}  // namespace gamut::train
