// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/clip/clip_image_processor.h"

#include "gamut/core/error.h"
#include "models/hashed_weights.h"
#include "support/message_of.h"

namespace gamut::models {
namespace clip_image_processor_test {

using at::Tensor;
using testing::message_of;

const char* const kSizes[] = {"24x24", "32x32", "40x28", "64x48", "16x21"};

Tensor largest_difference(const Tensor& a, const Tensor& b) { return (a - b).abs().amax({1, 2}); }

TEST(clip_image_processor, equals_both_processors_of_transformers) {
  const Fixture fixture = Fixture::read("clip_pixels");
  const ClipImageProcessor processor(parse_clip_image_processor(fixture.config, "clip_pixels"));
  const Tensor std = at::tensor(at::ArrayRef<double>(processor.config().std));
  for (const std::string size : kSizes) {
    const Tensor picture = fixture.tensors.at("picture." + size).to(at::kFloat).div(255);
    const Tensor got = processor(picture.unsqueeze(0))[0];
    expect_near(got, fixture.tensors.at("torchvision." + size), 1e-6, "torchvision, " + size);
    // One level of 255, in units of each channel's standard deviation; the plain sizes without resizing
    // agree.
    const Tensor error =
        largest_difference(got, fixture.tensors.at("pil." + size)).to(at::kDouble) * std * 255;
    EXPECT_LE(error.max().item<double>(), size == "24x24" ? 1e-4 : 1.0001) << "pil, " << size;
  }
}

TEST(clip_image_processor, any_picture_is_taken_as_it_would_be_saved) {
  const ClipImageProcessor processor(
      parse_clip_image_processor({{"size", 8}, {"crop_size", 8}, {"do_normalize", false}}, "p"));
  const Tensor pictures =
      at::tensor({-0.3, 0.4 / 255, 0.6 / 255, 0.5, 1.7}, at::kFloat).view({5, 1, 1, 1}).expand({5, 3, 8, 8});
  const Tensor levels = processor(pictures).amax({1, 2, 3}) * 255;
  expect_near(levels, at::tensor({0.0, 0.0, 1.0, 128.0, 255.0}, at::kFloat), 1e-4, "levels");
}

TEST(clip_image_processor, steps_can_be_left_out) {
  const nlohmann::json off = {{"do_resize", false}, {"do_center_crop", false}, {"do_normalize", false}};
  const Tensor pictures = at::arange(4 * 6 * 3).view({1, 3, 4, 6}).to(at::kFloat) / 255;
  expect_near(ClipImageProcessor(parse_clip_image_processor(off, "p"))(pictures), pictures, 1e-7,
              "unchanged");
  const nlohmann::json crop = {
      {"do_resize", false}, {"do_normalize", false}, {"crop_size", {{"height", 2}, {"width", 3}}}};
  expect_near(ClipImageProcessor(parse_clip_image_processor(crop, "p"))(pictures),
              pictures.narrow(2, 1, 2).narrow(3, 1, 3), 1e-7, "center");
  EXPECT_NE(message_of<ConfigError>([&] {
              ClipImageProcessor(parse_clip_image_processor(crop, "p"))(pictures.narrow(3, 0, 2));
            }).find("smaller than the crop of 2x3"),
            std::string::npos);
}

TEST(clip_image_processor, a_fixed_size_ignores_proportions) {
  const nlohmann::json json = {{"size", {{"height", 6}, {"width", 10}}}, {"do_center_crop", false}};
  EXPECT_EQ(ClipImageProcessor(parse_clip_image_processor(json, "p"))(at::rand({2, 3, 9, 9})).sizes(),
            (std::vector<int64_t>{2, 3, 6, 10}));
}

TEST(clip_image_processor, what_is_not_computed_is_refused) {
  const auto refused = [](const nlohmann::json& json) {
    return message_of<DataError>([&] { parse_clip_image_processor(json, "p.json"); });
  };
  EXPECT_NE(refused({{"resample", 2}}).find("[p.json] option 'resample'"), std::string::npos);
  EXPECT_NE(refused({{"resample", 2}}).find("3, bicubic"), std::string::npos);
  EXPECT_NE(refused({{"rescale_factor", 0.5}}).find("1/255"), std::string::npos);
  EXPECT_NE(refused({{"size", {{"longest_edge", 3}}}}).find("shortest_edge"), std::string::npos);
  EXPECT_NE(refused({{"size", {{"height", 3}}}}).find("shortest_edge"), std::string::npos);
  EXPECT_NE(refused({{"crop_size", {{"height", 3}}}}).find("\"width\": n"), std::string::npos);
  EXPECT_NE(refused({{"crop_size", 300}}).find("at most the resized picture, 224x224"), std::string::npos);
  EXPECT_NE(refused({{"image_std", {1, 0, 1}}}).find("three positive numbers"), std::string::npos);
  EXPECT_NE(refused({{"image_mean", {1, 0}}}).find("three numbers"), std::string::npos);
}

}  // namespace clip_image_processor_test
}  // namespace gamut::models
