// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/features.h"

#include "gamut/core/error.h"
#include "gamut/diversity/features.h"
#include "gamut/nn/params.h"
#include "rewards/clip_model.h"
#include "rewards/glyph_pictures.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

#include <map>

#include <limits>

namespace gamut::rewards {
namespace features_test {

using testing::message_of;
using testing::TempFolder;

constexpr const char* kShipped = GAMUT_SOURCE_DIR "/models/glyphs-clip";

TEST(features, pixels_need_no_model) {
  const at::Tensor pictures = at::rand({3, 3, 32, 32});
  const auto features = make_features({});
  EXPECT_EQ(features->name(), "pixels");
  EXPECT_TRUE(at::equal(features->extract(pictures), diversity::pixel_features(pictures)));
}

TEST(features, clip_is_the_embedding_of_the_picture) {
  const TempFolder folder;
  const models::Clip clip = write_clip(folder);
  const at::Tensor pictures = at::rand({5, 3, 40, 32}).requires_grad_(true);
  const auto features = make_features({.kind = "clip", .model = folder.path().string()});
  const at::Tensor got = features->extract(pictures);
  EXPECT_EQ(features->name(), "clip");
  EXPECT_FALSE(got.requires_grad());
  EXPECT_TRUE(at::allclose(got, clip.image_embeddings(clip.preprocess(pictures)), 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(got.norm(2, 1), at::ones({5})));
}

TEST(features, no_row_depends_on_the_others) {
  const at::Tensor pictures = random_glyphs(37, 5).pictures;
  const std::string vits = GAMUT_SOURCE_DIR "/tests/models/fixtures/vit/";
  const std::map<std::string, std::string> models{
      {"pixels", ""},
      {"clip", kShipped},
      {"dino", vits + "vit"},
      {"dinov2", vits + "dinov2"},
      {"dreamsim", GAMUT_SOURCE_DIR "/tests/models/fixtures/dreamsim/ensemble"}};
  for (const std::string& kind : feature_kinds()) {
    const auto features = make_features({.kind = kind, .model = models.at(kind)});
    const at::Tensor together = features->extract(pictures);
    // Of networks 12 wide LibTorch's vectors hold parts of several rows.
    const double tolerance = kind == "dreamsim" ? 1e-6 : 0;
    const auto expect_same = [&](const at::Tensor& a, const at::Tensor& b) {
      EXPECT_LE((a - b).abs().max().item<double>(), tolerance) << kind;
    };
    expect_same(features->extract(pictures.flip(0)), together.flip(0));
    for (int64_t i = 0; i < 37; i += 9)
      expect_same(features->extract(pictures.narrow(0, i, 1))[0], together[i]);
  }
}

TEST(features, a_picture_that_is_not_finite_has_no_embedding) {
  const TempFolder folder;
  write_clip(folder);
  at::Tensor pictures = at::rand({3, 3, 32, 32});
  pictures[1][2][7][7] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor got = make_features({.kind = "clip", .model = folder.path().string()})->extract(pictures);
  EXPECT_TRUE(got[1].isnan().all().item<bool>());
  EXPECT_TRUE(got[0].isfinite().all().item<bool>() && got[2].isfinite().all().item<bool>());
}

// What makes it a perceptual feature: the same glyph moved by a pixel stays close, another character or
// another color lies farther off.
TEST(features, shipped_clip_sees_what_differs) {
  glyphs::GlyphRenderer renderer;
  const auto features = make_features({.kind = "clip", .model = kShipped});
  double moved = 0, recolored = 0, renamed = 0;
  constexpr int kDraws = 32;
  for (int draw = 0; draw < kDraws; ++draw) {
    Stream stream(uint64_t(draw), "features_test");
    const glyphs::GlyphSpec spec = renderer.draw(stream);
    glyphs::GlyphSpec shifted = spec, color = spec, letter = spec;
    shifted.offset_x += spec.offset_x > 0 ? -1 : 1;
    color.ink_rgb = spec.ground_rgb;
    color.ground_rgb = spec.ink_rgb;
    letter.character = (spec.character + 7) % int64_t(glyphs::glyph_characters().size());
    const std::vector<io::Image> images = {renderer.render(spec), renderer.render(shifted),
                                           renderer.render(color), renderer.render(letter)};
    const at::Tensor embedded = features->extract(nn::images_to_tensor(images));
    const at::Tensor distance = 1 - embedded.matmul(embedded[0]);
    moved += distance[1].item<double>();
    recolored += distance[2].item<double>();
    renamed += distance[3].item<double>();
  }
  EXPECT_LT(moved / kDraws, 0.1);
  EXPECT_GT(recolored, 3 * moved);
  EXPECT_GT(renamed, 3 * moved);
}

TEST(features, what_cannot_be_made_says_why) {
  EXPECT_EQ(message_of<ConfigError>([] { make_features({.kind = "clip"}); }),
            "[features] features = \"clip\" needs features_model, the folder of its network; got none; or "
            "choose features = "
            "\"pixels\", which needs none");
  EXPECT_EQ(message_of<ConfigError>([] { make_features({.kind = "clp"}); }),
            "[features] unknown features 'clp'; expected one of pixels, clip, dino, dinov2, dreamsim; did "
            "you mean 'clip'?");
  EXPECT_NE(message_of<EnvironmentError>([] {
              make_features({.kind = "clip", .model = "no/such/folder"});
            }).find("'no/such/folder'"),
            std::string::npos);
}

// tests/generators/vit.py: the class token of transformers' models, of unit length; a batch changes nothing.
TEST(features, dino_and_dinov2_are_transformers) {
  const std::string fixtures = GAMUT_SOURCE_DIR "/tests/models/fixtures/vit/";
  for (const auto& [kind, name] :
       {std::pair<std::string, std::string>{"dino", "vit"}, {"dinov2", "dinov2"}}) {
    const nn::TensorMap golden = nn::load_safetensors(fixtures + name + ".safetensors");
    const at::Tensor pictures = golden.at("pictures").to(at::kFloat) / 255, states = golden.at("states");
    FeaturesConfig config{.kind = kind, .model = fixtures + name};
    config.compute.batch = 3;
    const at::Tensor got = make_features(config)->extract(pictures);
    // Preprocessing by bytes may round a pixel otherwise than Pillow.
    EXPECT_TRUE(at::allclose(got, states / states.norm(2, 1, true), 0, 2e-2))
        << kind << (got - states / states.norm(2, 1, true)).abs().max();
    EXPECT_TRUE(at::allclose(got.norm(2, 1), at::ones({2}))) << kind;
  }
  EXPECT_NE(message_of<DataError>([&] {
              make_features({.kind = "dino", .model = fixtures + "dinov2"});
            }).find("needs a ViTModel"),
            std::string::npos);
}

// tests/generators/dreamsim_features.py: their cosine distance is the package's distance.
TEST(features, dreamsim_is_the_package) {
  const std::string fixtures = GAMUT_SOURCE_DIR "/tests/models/fixtures/dreamsim/";
  const nn::TensorMap golden = nn::load_safetensors(fixtures + "ensemble.safetensors");
  const auto features = make_features({.kind = "dreamsim", .model = fixtures + "ensemble"});
  // Pictures of the network's size are not resized, so that nothing is rounded.
  EXPECT_TRUE(at::allclose(features->extract(golden.at("pixels")), golden.at("embeddings"), 0, 1e-5));
  EXPECT_EQ(features->name(), "dreamsim");
}

}  // namespace features_test
}  // namespace gamut::rewards
