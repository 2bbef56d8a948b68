// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/attained_table.h"

#include <gtest/gtest.h>

namespace gamut::eval {
namespace attained_table_test {

MethodRow row(const std::string& method, int64_t seed, int64_t step, double reward, double spread) {
  return {.method = method,
          .seed = seed,
          .step = step,
          .seconds = 10.0 * double(step),
          .measures = {{"reward", reward}, {"color_spread", spread}, {"recall", spread}}};
}

// Rows out of order, as parallel runs write them. Two seeds each.
std::vector<MethodRow> rows() {
  return {row("plain", 2, 80, 0.95, 0.05), row("plain", 2, 0, 0.5, 0.25), row("plain", 2, 40, 0.9, 0.1),
          row("plain", 1, 0, 0.5, 0.25),   row("plain", 1, 40, 0.8, 0.2), row("plain", 1, 80, 0.9, 0.03),
          row("kept", 1, 0, 0.5, 0.25),    row("kept", 1, 80, 0.85, 0.2), row("kept", 2, 80, 0.85, 0.2),
          row("kept", 2, 0, 0.5, 0.25)};
}

// On lines: plain at 0.85 has 0.2 - 0.17 / 2 = 0.115 and 0.25 - 0.15 * 0.35 / 0.4 = 0.119; kept ends there.
TEST(attained_table, reads_every_method_on_its_lines_at_one_reward) {
  const std::string table = attained_table(rows(), 0.85);
  EXPECT_TRUE(table.starts_with(
      "At reward 0.85, along lines between checkpoints: the most of each measure that a run "
      "attains.\n\n| recipe | seeds that reach it | color spread | recall of the base |\n"))
      << table;
  EXPECT_NE(table.find("| plain | 2 of 2 | 0.117 (0.115–0.119) |"), std::string::npos) << table;
  EXPECT_NE(table.find("| kept | 2 of 2 | 0.200 (0.200–0.200) |"), std::string::npos) << table;
  EXPECT_NE(table.find("- color spread: plain against kept -42 % ("), std::string::npos) << table;
  const std::string higher = attained_table(rows(), 0.9);
  EXPECT_NE(higher.find("| kept | 0 of 2 | – | – |"), std::string::npos) << higher;
  EXPECT_NE(higher.find("- color spread: no finding in 1 of 1 pairs"), std::string::npos) << higher;
}

// Chosen on one evaluation, shown by the other.
TEST(attained_table, shows_the_reporting_seed_of_what_the_selecting_one_chose) {
  std::vector<MethodRow> two{row("plain", 1, 40, 0.9, 0.2), row("plain", 1, 80, 0.9, 0.1)};
  two[0].reported = {{"reward", 0.8}, {"color_spread", 0.05}};
  two[1].reported = {{"reward", 0.95}, {"color_spread", 0.15}};
  EXPECT_NE(attained_table(two, 0.9).find("| 0.050 (0.050–0.050) |"), std::string::npos)
      << attained_table(two, 0.9);
}

TEST(attained_table, ranks_by_families_where_all_have_the_same_seeds) {
  const std::string ranks = ranks_table(rows(), 0.85);
  EXPECT_NE(
      ranks.find(
          "| recipe | headline | recall |\n|---|--:|--:|\n| plain | 2.00 | 2.00 |\n| kept | 1.00 | 1.00 |\n"),
      std::string::npos)
      << ranks;
  EXPECT_TRUE(
      ranks_table(rows(), std::nullopt).starts_with("At the last evaluation, ranks by families of measures"));
  std::vector<MethodRow> fewer = rows();
  fewer.pop_back();
  fewer.erase(fewer.end() - 1);
  EXPECT_EQ(ranks_table(fewer, 0.85), "");
  EXPECT_EQ(ranks_table({row("plain", 1, 0, 0.5, 0.2)}, 0.85), "");
}

}  // namespace attained_table_test
}  // namespace gamut::eval
