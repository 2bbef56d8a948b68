// SPDX-License-Identifier: Apache-2.0
// The learning rate over a run, by hand.
#include "gamut/train/learning_rate_schedule.h"

#include <gtest/gtest.h>

namespace gamut::train {
namespace learning_rate_schedule_test {

TEST(learning_rate_schedule, is_level_unless_said_otherwise) {
  for (const int64_t step : {0, 5, 12, 100}) EXPECT_EQ(LearningRateSchedule{}.share(step, 12), 1) << step;
}

TEST(learning_rate_schedule, warms_up_under_every_kind) {
  for (const char* kind : {"constant", "linear", "cosine"}) {
    const LearningRateSchedule curve{.kind = kind, .warmup = 4, .final_rate = 0.1};
    EXPECT_EQ(curve.share(0, 12), 0.25) << kind;
    EXPECT_EQ(curve.share(2, 12), 0.75) << kind;
    EXPECT_EQ(curve.share(3, 12), 1) << kind;
    EXPECT_EQ(curve.share(4, 12), 1) << kind;
  }
}

TEST(learning_rate_schedule, falls_along_a_line) {
  const LearningRateSchedule curve{.kind = "linear", .final_rate = 0.2};
  EXPECT_DOUBLE_EQ(curve.share(0, 10), 1);
  EXPECT_DOUBLE_EQ(curve.share(5, 10), 0.6);
  EXPECT_DOUBLE_EQ(curve.share(9, 10), 0.28);  // the last step still learns
  EXPECT_DOUBLE_EQ(curve.share(10, 10), 0.2);
}

TEST(learning_rate_schedule, falls_along_a_cosine) {
  const LearningRateSchedule curve{.kind = "cosine", .warmup = 4, .final_rate = 0.1};
  EXPECT_DOUBLE_EQ(curve.share(6, 12), 0.1 + 0.9 * 0.5 * (1 + 0.70710678118654757));
  EXPECT_DOUBLE_EQ(curve.share(8, 12), 0.55);
  EXPECT_NEAR(curve.share(12, 12), 0.1, 1e-15);
}

TEST(learning_rate_schedule, a_run_that_only_warms_up_is_finite) {
  const LearningRateSchedule curve{.kind = "cosine", .warmup = 3};
  EXPECT_DOUBLE_EQ(curve.share(2, 3), 1);
  EXPECT_DOUBLE_EQ(curve.share(3, 3), 1);
}

}  // namespace learning_rate_schedule_test
}  // namespace gamut::train
