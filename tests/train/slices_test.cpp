// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/slices.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>

namespace gamut::train {
namespace slices_test {

BatchPlan plan_of(int64_t pictures, int64_t micro_batch, int64_t updates) {
  return {.prompts = 1,
          .members = pictures,
          .keep = pictures,
          .pictures = pictures,
          .micro_batch = micro_batch,
          .micro_batches = pictures / micro_batch,
          .updates = updates};
}

// Every row has one owner, batches are near each other in size and no larger than asked, and what is gathered
// by rank comes back in order.
TEST(slices, every_row_is_drawn_once_whatever_the_number_of_processes) {
  for (const auto& [pictures, micro_batch, updates] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{
           {24, 24, 1}, {24, 4, 3}, {10, 5, 1}, {7, 7, 1}, {96, 48, 2}})
    for (const bool rebatched : {false, true})
      for (int64_t size = 1; size <= pictures / updates; ++size) {
        const BatchPlan plan = plan_of(pictures, micro_batch, updates);
        std::vector<int64_t> by_rank;
        for (int64_t rank = 0; rank < size; ++rank) {
          const Slices slices(plan, rebatched, rank, size);
          int64_t own = 0, least = pictures, most = 0;
          for (const std::vector<int64_t>& batch : slices.batches()) {
            by_rank.insert(by_rank.end(), batch.begin(), batch.end());
            own += int64_t(batch.size());
            least = std::min(least, int64_t(batch.size()));
            most = std::max(most, int64_t(batch.size()));
          }
          EXPECT_LE(most, micro_batch);
          EXPECT_LE(most - least, 1);
          EXPECT_LE(std::abs(own - pictures / size), updates)
              << "slices are even up to one row of each update";
        }
        EXPECT_EQ(std::set<int64_t>(by_rank.begin(), by_rank.end()).size(), size_t(pictures));
        const at::Tensor gathered = at::tensor(by_rank, at::kLong);
        EXPECT_TRUE(at::equal(Slices(plan, rebatched, 0, size).in_order(gathered), at::arange(pictures)));
      }
}

TEST(slices, too_many_processes_are_refused) {
  EXPECT_NE(testing::message_of<ConfigError>([] {
              Slices(plan_of(12, 4, 3), false, 0, 5);
            }).find("got 5 processes, and 12 pictures in 3 updates"),
            std::string::npos);
}

}  // namespace slices_test
}  // namespace gamut::train
