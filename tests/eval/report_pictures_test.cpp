// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/report_pictures.h"

#include <gtest/gtest.h>

#include <set>

namespace gamut::eval {
namespace report_pictures_test {

// Bytes in base64 of all sheets and groups, by the same estimate that the budget uses: 0.93 of the raw bytes.
double bytes(const PictureCounts& counts, const PictureBudget& budget) {
  const double shrink = std::max(1.0, double(std::max(counts.width, counts.height)) / double(budget.side));
  const double one = 0.93 * 3 * double(counts.width * counts.height) / (shrink * shrink);
  return double(counts.runs) * one *
         double(budget.checkpoints * budget.prompts * budget.members + budget.groups * counts.group_members);
}

TEST(report_pictures, budget_keeps_six_runs_below_eight_megabytes) {
  for (const int64_t side : {8, 32, 64, 512})
    for (const int64_t evaluations : {1, 5, 40, 1000}) {
      const PictureCounts counts{.runs = 6,
                                 .evaluations = evaluations,
                                 .prompts = 33,
                                 .members = 16,
                                 .group_members = 32,
                                 .width = side,
                                 .height = side};
      const PictureBudget budget = picture_budget(counts);
      EXPECT_LE(bytes(counts, budget), 8e6) << side << " " << evaluations;
      EXPECT_GE(budget.checkpoints, std::min<int64_t>(evaluations, 2));
      EXPECT_GE(budget.prompts * budget.members, 12) << side << " " << evaluations;
    }
}

TEST(report_pictures, budget_asks_for_no_more_than_there_is) {
  const PictureBudget budget =
      picture_budget({.runs = 1, .evaluations = 2, .prompts = 3, .members = 2, .group_members = 16});
  EXPECT_EQ(budget.prompts, 3);
  EXPECT_EQ(budget.members, 2);
  EXPECT_EQ(budget.checkpoints, 2);
}

TEST(report_pictures, spread_keeps_both_ends) {
  EXPECT_EQ(spread(5, 9), (std::vector<size_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(spread(9, 3), (std::vector<size_t>{0, 4, 8}));
  EXPECT_EQ(spread(4, 1), std::vector<size_t>{3});
  EXPECT_TRUE(spread(0, 3).empty());
  for (size_t total = 2; total < 40; ++total)
    for (size_t count = 2; count <= total; ++count) {
      const std::vector<size_t> places = spread(total, count);
      EXPECT_EQ(std::set<size_t>(places.begin(), places.end()).size(), count);
      EXPECT_EQ(places.back(), total - 1);
    }
}

TEST(report_pictures, sheet_has_a_row_per_prompt) {
  const std::vector<io::Image> pictures(12, io::Image::filled(8, 6, 10, 20, 30));
  const ReportSheet sheet =
      make_sheet(40, pictures, 4, {.prompts = 3, .members = 2, .checkpoints = 1, .groups = 1});
  EXPECT_EQ(sheet.step, 40);
  EXPECT_EQ(sheet.columns, 2);
  EXPECT_EQ(sheet.width, 8);
  EXPECT_EQ(sheet.height, 6);
  EXPECT_TRUE(sheet.picture.starts_with("data:image/png;base64,iVBORw0KGgo"));
}

}  // namespace report_pictures_test
}  // namespace gamut::eval
