// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/text_match.h"

#include "gamut/io/files.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::rewards {
namespace text_match_test {

// Rows from tests/generators/ocr_reward.py, which writes the rule down independently.
TEST(text_match, reward_equals_flow_grpo_rule) {
  const nlohmann::json rows = io::read_json(GAMUT_SOURCE_DIR "/tests/rewards/fixtures/ocr_reward.json");
  ASSERT_GE(rows.size(), 150u);
  for (const auto& row : rows) {
    const std::string recognized = row["recognized"], target = row["target"];
    EXPECT_DOUBLE_EQ(ocr_reward(recognized, target), row["reward"].get<double>())
        << recognized << " | " << target;
  }
}

TEST(text_match, all_white_space_is_ignored) {
  EXPECT_EQ(ocr_reward("ST\nOP\n\f", "stop"), 1.0);
  EXPECT_EQ(fold_text(" \t\n\u00a0"), U"");
}

TEST(text_match, invalid_utf8_is_one_replacement_character) {
  EXPECT_EQ(fold_text("a\xff"
                      "B"),
            U"a\ufffdb");
  EXPECT_EQ(ocr_reward("a\xff", "ab"), 0.5);
}

TEST(text_match, distance_counts_edits) {
  EXPECT_EQ(levenshtein(U"", U""), 0u);
  EXPECT_EQ(levenshtein(U"kitten", U"sitting"), 3u);
  EXPECT_EQ(levenshtein(U"sitting", U"kitten"), 3u);
  EXPECT_EQ(levenshtein(U"abc", U""), 3u);
}

TEST(text_match, case_twins_become_one) {
  EXPECT_EQ(merge_case_twins("WwW"), "W");
  EXPECT_EQ(merge_case_twins("Vv\n"), "V\n");
  EXPECT_EQ(merge_case_twins("77"), "77");
  EXPECT_EQ(merge_case_twins("VV"), "VV");
  EXPECT_EQ(merge_case_twins("ab"), "ab");
}

TEST(text_match, exact_allows_nothing_else) {
  EXPECT_TRUE(reads_exactly("K\n", "k"));
  EXPECT_TRUE(reads_exactly("Ss\n", "S"));
  EXPECT_TRUE(reads_exactly("Aaron", "aaron"));
  EXPECT_FALSE(reads_exactly("K.", "K"));
  EXPECT_FALSE(reads_exactly("KK", "K"));
  EXPECT_FALSE(reads_exactly("", "K"));
}

}  // namespace text_match_test
}  // namespace gamut::rewards
