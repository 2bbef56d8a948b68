// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/measures.h"

#include <gtest/gtest.h>

#include <set>

namespace gamut::eval {
namespace measures_test {

TEST(measures, every_row_is_complete) {
  std::set<std::string> keys, labels;
  for (const Measure& measure : measure_table()) {
    EXPECT_TRUE(keys.insert(measure.key).second) << measure.key;
    EXPECT_TRUE(labels.insert(measure.label).second) << measure.label;
    EXPECT_LT(measure.label.size(), 26u) << measure.label;  // the width of a table's first column
    EXPECT_FALSE(measure.title.empty() || measure.about.empty()) << measure.key;
    EXPECT_TRUE(measure.value) << measure.key;
  }
  for (const char* key : {"reward", "judge", "feature_distance", "vendi", "pvs", "recall", "prediction_norm"})
    EXPECT_TRUE(find_measure(key)) << key;
  for (const char* key : {"color_pairs", "contrast", "color_accuracy"})
    EXPECT_FALSE(find_measure(key)) << key;  // a task's
}

TEST(measures, a_row_can_be_added) {
  add_measures({{.key = "blue",
                 .label = "blue",
                 .value = [](const MeasuredPictures&) { return 0.5; },
                 .former = "azure"}});
  EXPECT_EQ(measure_table().back().key, "blue");
  EXPECT_EQ(present_key("azure"), "blue");
  EXPECT_EQ(present_key("heldout.azure"), "heldout.blue");
  EXPECT_EQ(present_key("vendi"), "vendi");
}

}  // namespace measures_test
}  // namespace gamut::eval
