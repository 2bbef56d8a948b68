// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/form_measures.h"

#include "eval/crafted.h"
#include "gamut/eval/evaluate.h"
#include "gamut/tasks/tasks.h"

#include <gtest/gtest.h>

#include <set>

namespace gamut::glyphs {
namespace form_measures_test {

// Told beforehand.
class ToldClasses : public eval::PictureClassifier {
 public:
  explicit ToldClasses(eval::PictureClasses told) : told_(std::move(told)) {}
  eval::PictureClasses classify(const at::Tensor&) override { return told_; }

 private:
  eval::PictureClasses told_;
};

eval::Evaluation measured(const std::vector<text::Prompt>& prompts, eval::PictureClassifier* classifier) {
  tasks::register_tasks();
  eval::CraftedReward reward([](const at::Tensor&, const text::Prompt&) { return 1.0; });
  const std::vector<at::Tensor> pictures(4, eval::square({0, 0, 0}, {1, 1, 1}));
  return eval::measure(at::stack(pictures), prompts,
                       {.reward = reward, .judge = reward, .classifier = classifier})
      .numbers;
}

TEST(form_measures, modes_are_counted_within_prompts) {
  ToldClasses told({{"face", {3, 3, 7, 9}}, {"style", {0, 0, 1, 1}}});
  const eval::Evaluation got = measured({{"p", "A", {}}, {"q", "B", {}}}, &told);
  EXPECT_NEAR(got["face_modes"], (1 + 2) / 2.0, 1e-12);
  EXPECT_NEAR(got["style_modes"], 1, 1e-12);
  EXPECT_EQ(got["stroke_spread"], 0);  // four times the same square
  EXPECT_EQ(got["size_spread"], 0);
  EXPECT_EQ(got["place_spread"], 0);
}

TEST(form_measures, without_a_classifier_or_glyphs_there_are_none) {
  const eval::Evaluation got = measured({{"p", "A", {}}, {"q", "B", {}}}, nullptr);
  EXPECT_FALSE(got.has("face_modes"));
  EXPECT_TRUE(got.has("stroke_spread"));
  EXPECT_FALSE(measured({{"a cat", "", {}}, {"a dog", "", {}}}, nullptr).has("stroke_spread"));
}

// docs/protocol.md names them: what the headline is made of does not change unseen.
TEST(form_measures, families_are_as_the_protocol_says) {
  tasks::register_tasks();
  std::set<std::string> found;
  for (const eval::Measure& measure : eval::measure_table())
    if (!measure.family.empty()) found.insert(measure.family + ": " + measure.key);
  EXPECT_EQ(found, (std::set<std::string>{"form: face_modes", "form: style_modes", "geometry: place_spread",
                                          "geometry: size_spread", "geometry: stroke_spread",
                                          "judge: judge_exact", "recall: recall", "tone: pvs"}));
}

}  // namespace form_measures_test
}  // namespace gamut::glyphs
