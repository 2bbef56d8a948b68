// SPDX-License-Identifier: Apache-2.0
#include "gamut/tasks/glyphs/face_classifier.h"

#include "gamut/core/error.h"
#include "gamut/models/reader/reader_net.h"
#include "gamut/nn/images.h"
#include "gamut/tasks/glyphs/reader_batches.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

namespace gamut::glyphs {
namespace face_classifier_test {

const std::vector<std::string> kFaces{"sans/a.ttf", "serif/b.ttf", "sans/c.ttf", "script/d.ttf"};

std::string saved(const testing::TempFolder& folder, const models::ReaderConfig& config) {
  const std::string path = (folder / "faces").string();
  models::Reader::create(config, 4, {}).save(path);
  return path;
}

TEST(face_classifier, a_style_is_the_sum_of_its_faces) {
  const at::Tensor styles = styles_of(kFaces);
  EXPECT_TRUE(at::equal(styles, at::tensor({0, 1, 0, 2}, at::kLong)));
  const at::Tensor faces = at::tensor({0.3, 0.4, 0.2, 0.1}, at::kDouble).unsqueeze(0);
  EXPECT_TRUE(at::allclose(style_probabilities(faces, styles),
                           at::tensor({0.5, 0.4, 0.1}, at::kDouble).unsqueeze(0)));
  EXPECT_THROW(styles_of({"sans"}), DataError);
}

// Two sans faces together outweigh the one most likely face, which is a serif.
TEST(face_classifier, says_faces_and_styles_whatever_the_batch) {
  const testing::TempFolder folder;
  const auto classifier = open_face_classifier(saved(folder, {.classes = kFaces}), "cpu");
  at::manual_seed(1);
  const at::Tensor pictures = at::rand({70, 3, 32, 32});
  const eval::PictureClasses all = classifier->classify(pictures);
  ASSERT_EQ(all.at("face").size(), 70u);
  ASSERT_EQ(all.at("style").size(), 70u);
  const eval::PictureClasses few = classifier->classify(pictures.narrow(0, 66, 3));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(few.at("face")[i], all.at("face")[66 + i]);
    EXPECT_EQ(few.at("style")[i], all.at("style")[66 + i]);
  }
  models::Reader reader = models::Reader::open((folder / "faces").string(), {});
  const at::NoGradGuard no_grad;
  const at::Tensor faces = reader.net().logits(pictures.narrow(0, 0, 64)).argmax(1);
  for (int64_t i = 0; i < 64; ++i) EXPECT_EQ(all.at("face")[size_t(i)], faces[i].item<int64_t>());
}

TEST(face_classifier, a_reader_of_characters_and_other_sizes_are_refused) {
  const testing::TempFolder folder;
  const std::string reader = saved(folder, {.characters = "ABC"});
  EXPECT_EQ(testing::message_of<DataError>([&] { open_face_classifier(reader, "cpu"); }),
            "[classifier] eval.classes_model must tell faces apart; got '" + reader +
                "', a reader of characters; expected models/glyphs-faces");
  const testing::TempFolder other;
  const auto classifier = open_face_classifier(saved(other, {.classes = kFaces}), "cpu");
  EXPECT_THROW(classifier->classify(at::rand({1, 3, 64, 64})), ConfigError);
}

// The shipped one on pictures of a seed that no training had: docs/data.md gives 0.833 and 0.966.
TEST(face_classifier, the_shipped_one_knows_the_datas_faces) {
  const std::string folder = GAMUT_SOURCE_DIR "/models/glyphs-faces";
  const std::vector<std::string> names = models::Reader::open(folder, {}).config().classes;
  EXPECT_EQ(names, face_classes());
  const GlyphSet set = make_glyph_set(500, 77);
  const eval::PictureClasses found =
      open_face_classifier(folder, "cpu")->classify(nn::images_to_tensor(set.images));
  const at::Tensor styles = styles_of(names);
  double faces = 0, right = 0;
  for (size_t i = 0; i < set.specs.size(); ++i) {
    faces += found.at("face")[i] == set.specs[i].font;
    right += found.at("style")[i] == styles[set.specs[i].font].item<int64_t>();
  }
  EXPECT_GT(faces / 500, 0.77);
  EXPECT_GT(right / 500, 0.94);
}

}  // namespace face_classifier_test
}  // namespace gamut::glyphs
