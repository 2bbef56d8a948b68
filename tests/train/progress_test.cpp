// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/progress.h"

#include <gtest/gtest.h>

namespace gamut::train {
namespace progress_test {

TEST(progress, what_is_done_once_before_the_first_step_does_not_count_for_the_rest) {
  Progress progress(0, 120);
  EXPECT_EQ(progress.line(1, 60), "step 1/120, 60.00 s/step, 1 h 59 min left");
  EXPECT_EQ(progress.line(11, 80), "step 11/120, 2.00 s/step, 3 min 38 s left");
  EXPECT_EQ(progress.line(120, 298), "step 120/120, 2.00 s/step, 0 ms left");
}

TEST(progress, counts_from_where_a_run_goes_on) {
  Progress progress(100, 200);
  EXPECT_EQ(progress.line(110, 20), "step 110/200, 2.00 s/step, 3 min 0 s left");
  EXPECT_EQ(progress.line(150, 24), "step 150/200, 10.0 steps/s, 5.0 s left");
}

}  // namespace progress_test
}  // namespace gamut::train
