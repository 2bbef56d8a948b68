// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/methods_table.h"

#include <gtest/gtest.h>

namespace gamut::eval {
namespace methods_table_test {

MethodRow row(const std::string& method, int64_t seed, int64_t step, double reward, double spread) {
  return {.method = method,
          .seed = seed,
          .step = step,
          .seconds = 10.0 * double(step),
          .measures = {{"reward", reward}, {"color_spread", spread}}};
}

// Two seeds of one method, one of another; rows out of order, as parallel runs write them.
std::vector<MethodRow> rows() {
  return {row("plain", 2, 80, 0.95, 0.05), row("plain", 2, 0, 0.5, 0.25), row("plain", 2, 40, 0.9, 0.1),
          row("plain", 1, 0, 0.5, 0.25),   row("plain", 1, 40, 0.8, 0.2), row("plain", 1, 80, 0.9, 0.03),
          row("kept", 1, 0, 0.5, 0.25),    row("kept", 1, 80, 0.85, 0.2)};
}

TEST(methods_table, shows_each_methods_last_evaluation) {
  std::vector<MethodRow> some = rows();
  some[0].measures["recall"] = 0.5;
  EXPECT_EQ(final_table(some),
            "| recipe | seeds | reward (mean) | color spread | recall of the base | training s |\n"
            "|---|---|--:|--:|--:|--:|\n"
            "| base | | 0.500 | 0.250 | – | |\n"
            "| plain | 1 2 | 0.925 (0.900–0.950) | 0.040 (0.030–0.050) | 0.500 (0.500–0.500) | 800 |\n"
            "| kept | 1 | 0.850 (0.850–0.850) | 0.200 (0.200–0.200) | – | 800 |\n");
}

TEST(methods_table, shows_the_reporting_seed) {
  std::vector<MethodRow> two{row("plain", 1, 40, 0.9, 0.2), row("plain", 1, 80, 0.9, 0.1)};
  two[0].reported = {{"reward", 0.8}, {"color_spread", 0.05}};
  two[1].reported = {{"reward", 0.95}, {"color_spread", 0.15}};
  EXPECT_NE(final_table(two).find("| plain | 1 | 0.950 (0.950–0.950) | 0.150 (0.150–0.150) |"),
            std::string::npos);
}

}  // namespace methods_table_test
}  // namespace gamut::eval
