// SPDX-License-Identifier: Apache-2.0
// Against OpenCV: tests/generators/brisque.py.
#include "gamut/rewards/brisque.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/nn/params.h"
#include "gamut/rewards/brisque_model.h"
#include "support/message_of.h"
#include "support/temp_folder.h"
#include "support/write_raw.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdlib>
#include <limits>

namespace gamut::rewards {
namespace brisque_test {

using gamut::testing::message_of;
using gamut::testing::TempFolder;
using gamut::testing::write_raw;

const std::filesystem::path kFixtures = GAMUT_SOURCE_DIR "/tests/rewards/fixtures/brisque";
const std::filesystem::path kModel = kFixtures / "model.safetensors";

io::Image image_of(const at::Tensor& picture_HWC) {
  const at::Tensor bytes = picture_HWC.contiguous();
  io::Image image{.width = bytes.size(1), .height = bytes.size(0), .pixels = {}};
  image.pixels.assign(bytes.const_data_ptr<uint8_t>(), bytes.const_data_ptr<uint8_t>() + bytes.numel());
  return image;
}

at::Tensor as_reward_sees(const at::Tensor& picture_HWC) {
  return picture_HWC.permute({2, 0, 1}).unsqueeze(0).to(at::kFloat) / 255;
}

at::Tensor noise(int64_t count, int64_t height, int64_t width) {
  at::manual_seed(4);
  return at::rand({count, 3, height, width});
}

int convert(const std::filesystem::path& model, const std::filesystem::path& range,
            const std::filesystem::path& target) {
  const std::string quiet = cat(" > '", target.string(), ".log' 2>&1");
  return std::system(cat("python3 '", GAMUT_SOURCE_DIR, "/scripts/convert_brisque.py' '", model.string(),
                         "' '", range.string(), "' '", target.string(), "'", quiet)
                         .c_str());
}

// The order of OpenCV's sums is kept, but for the last one to three columns of its half-size picture. Most
// features are equal to 1e-7; a mean that is a small difference of two deviations, to 3e-5.
TEST(brisque, features_are_opencvs) {
  const nlohmann::json expected = io::read_json(kFixtures / "expected.json");
  const nn::TensorMap pictures = nn::load_safetensors(kFixtures / "pictures.safetensors");
  ASSERT_EQ(pictures.size(), 8U);
  for (const auto& [name, picture] : pictures) {
    const BrisqueFeatures features = brisque_features(image_of(picture));
    ASSERT_EQ(features.failure, "") << name;
    for (size_t i = 0; i < features.values.size(); ++i) {
      const double golden = expected[name]["features"][i].get<double>();
      EXPECT_NEAR(features.values[i], golden, 3e-5 * std::abs(golden) + 1e-9) << name << ", feature " << i;
    }
  }
}

// OpenCV evaluates kernels in single precision: with weights up to 1000 that is 1e-4 of a score in 0 … 100.
TEST(brisque, scores_are_opencvs) {
  const nlohmann::json expected = io::read_json(kFixtures / "expected.json");
  const auto reward = make_brisque(kModel);
  EXPECT_EQ(reward->name(), "brisque");
  for (const auto& [name, picture] : nn::load_safetensors(kFixtures / "pictures.safetensors")) {
    const Scores scores = reward->score(as_reward_sees(picture), std::vector<text::Prompt>(1));
    ASSERT_EQ(scores.failure[0], "") << name;
    EXPECT_NEAR(100 - 100 * scores.value[0], expected[name]["score"].get<double>(), 1e-3) << name;
    EXPECT_EQ(scores.exact[0], 0);
  }
}

// 774 weights of up to 1024, kernels in single precision: see above.
TEST(brisque, scores_by_the_published_model_are_opencvs) {
  const char* named = std::getenv("GAMUT_TEST_OPENCV_DATA");
  const std::filesystem::path folder = named != nullptr ? named : "/usr/share/opencv4/quality";
  if (!std::filesystem::exists(folder / "brisque_model_live.yml"))
    GTEST_SKIP() << "no brisque_model_live.yml in '" << folder.string() << "' (package opencv-data)";
  const nlohmann::json expected = io::read_json(kFixtures / "expected.json");
  const TempFolder made;
  ASSERT_EQ(convert(folder / "brisque_model_live.yml", folder / "brisque_range_live.yml", made / "live"), 0);
  const auto reward = make_brisque(made / "live");
  for (const auto& [name, picture] : nn::load_safetensors(kFixtures / "pictures.safetensors")) {
    const Scores scores = reward->score(as_reward_sees(picture), std::vector<text::Prompt>(1));
    EXPECT_NEAR(100 - 100 * scores.value[0], expected[name]["live_score"].get<double>(), 1e-2) << name;
  }
}

TEST(brisque, a_score_depends_on_its_picture_alone) {
  const auto reward = make_brisque(kModel);
  const at::Tensor pictures = noise(5, 20, 24);
  const Scores together = reward->score(pictures, std::vector<text::Prompt>(5));
  const Scores turned = reward->score(pictures.flip({0}), std::vector<text::Prompt>(5));
  for (int64_t i = 0; i < 5; ++i) {
    const Scores alone = reward->score(pictures.narrow(0, i, 1), std::vector<text::Prompt>(1));
    EXPECT_EQ(alone.value[0], together.value[size_t(i)]);
    EXPECT_EQ(turned.value[size_t(4 - i)], together.value[size_t(i)]);
  }
}

TEST(brisque, pictures_that_cannot_be_scored_say_why) {
  const auto reward = make_brisque(kModel);
  at::Tensor pictures = noise(4, 32, 32);
  pictures[0].fill_(0.4);
  pictures[1][2][3][3] = std::numeric_limits<float>::infinity();
  pictures[2].zero_();
  const Scores scores = reward->score(pictures, std::vector<text::Prompt>(4));
  EXPECT_EQ(scores.failure, (std::vector<std::string>{"picture is too flat for brisque", "non-finite picture",
                                                      "picture is too flat for brisque", ""}));
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(std::isnan(scores.value[i])) << i;
  EXPECT_TRUE(std::isfinite(scores.value[3]));
}

TEST(brisque, every_gray_level_alone_is_too_flat) {
  for (int level = 0; level < 256; ++level) {
    const BrisqueFeatures features =
        brisque_features(io::Image::filled(33, 30, uint8_t(level), uint8_t(level), uint8_t(level)));
    EXPECT_EQ(features.failure, "picture is too flat for brisque") << level;
  }
}

TEST(brisque, small_pictures_fail) {
  const auto reward = make_brisque(kModel);
  const auto failure_of = [&](int64_t height, int64_t width) {
    return reward->score(noise(1, height, width), std::vector<text::Prompt>(1)).failure[0];
  };
  EXPECT_EQ(failure_of(13, 20), "picture of 20 x 13 pixels is too small for brisque, which needs 14 x 14");
  EXPECT_NE(failure_of(20, 1), "");
  EXPECT_EQ(failure_of(14, 14), "");
}

// One spot: most shifted products are 0, and some fits have an empty side.
TEST(brisque, sparse_pictures_are_scored_or_fail) {
  const auto reward = make_brisque(kModel);
  for (const int64_t spot : {0, 15, 31}) {
    at::Tensor picture = at::zeros({1, 3, 32, 32});
    picture.select(2, spot).select(2, spot).fill_(1);
    const Scores scores = reward->score(picture, std::vector<text::Prompt>(1));
    EXPECT_EQ(std::isfinite(scores.value[0]), scores.failure[0].empty()) << spot;
  }
}

TEST(brisque, blur_and_noise_change_the_features) {
  const nn::TensorMap pictures = nn::load_safetensors(kFixtures / "pictures.safetensors");
  const float shape_of_noise = brisque_features(image_of(pictures.at("noise"))).values[0];
  const float variance_of_noise = brisque_features(image_of(pictures.at("noise"))).values[1];
  const BrisqueFeatures blurred = brisque_features(image_of(pictures.at("blurred noise")));
  EXPECT_LT(blurred.values[0], shape_of_noise);  // the paper's figure 2: heavier tails, less variance
  EXPECT_LT(blurred.values[1], variance_of_noise);
}

// ---- files

// The message about the model file with one tensor changed, without the file's name; an undefined one is left
// out.
std::string message_without(const std::string& name, const at::Tensor& in_its_place) {
  const TempFolder folder;
  const std::filesystem::path file = folder / "m.safetensors";
  std::vector<nn::NamedTensor> tensors;
  for (const auto& [key, tensor] : nn::load_safetensors(kModel))
    if (key != name) tensors.push_back({key, tensor});
  if (in_its_place.defined()) tensors.push_back({name, in_its_place});
  nn::save_safetensors(file, tensors);
  std::string message = message_of<DataError>([&] { BrisqueModel{file}; });
  const std::string named = cat("[", file.string(), "] ");
  return message.starts_with(named) ? message.substr(named.size()) : message;
}

at::Tensor tensor_of(const std::string& name) { return nn::load_safetensors(kModel).at(name).clone(); }

TEST(brisque, wrong_models_are_named) {
  EXPECT_EQ(message_without("rho", {}),
            "tensor 'rho' is missing; expected range, support_vectors, weights, gamma and rho, as "
            "scripts/convert_brisque.py writes them");
  EXPECT_EQ(message_without("range", at::zeros({2, 18})),
            "tensor 'range' has the wrong shape; got [2, 18]; expected [2, 36]");
  EXPECT_EQ(message_without("support_vectors", at::zeros({16, 37})),
            "tensor 'support_vectors' has the wrong shape; got [16, 37]; expected [-1, 36], where -1 is the "
            "number of support vectors");
  EXPECT_EQ(message_without("support_vectors", at::zeros({0, 36})).substr(0, 49),
            "tensor 'support_vectors' has the wrong shape; got");
  EXPECT_EQ(message_without("weights", tensor_of("weights").narrow(0, 0, 15)),
            "tensor 'weights' has the wrong shape; got [15]; expected [16]");
  EXPECT_EQ(message_without("gamma", at::full({1}, -0.05, at::kDouble)),
            "'gamma' must be above 0; got -0.05");
  EXPECT_NE(message_without("rho", at::full({1}, std::numeric_limits<double>::infinity())).find("'rho'"),
            std::string::npos);
  EXPECT_EQ(message_without("range", tensor_of("range").flip({0})).substr(0, 57),
            "the smallest value of feature 0 must be below its largest");
}

// What earlier versions read.
TEST(brisque, opencvs_own_file_names_the_script) {
  const std::string message = message_of<DataError>([&] { BrisqueModel{kFixtures / "model.yml"}; });
  EXPECT_NE(message.find("got YAML, as OpenCV publishes it; run python3 scripts/convert_brisque.py MODEL.yml "
                         "RANGE.yml brisque.safetensors once"),
            std::string::npos)
      << message;
}

TEST(brisque, the_script_converts_opencvs_files) {
  if (std::system("command -v python3 > /dev/null") != 0) GTEST_SKIP() << "python3 was not found";
  const TempFolder folder;
  ASSERT_EQ(convert(kFixtures / "model.yml", kFixtures / "range.yml", folder / "made"), 0);
  EXPECT_EQ(io::read_text(folder / "made"), io::read_text(kModel));
  EXPECT_NE(convert(kFixtures / "range.yml", kFixtures / "range.yml", folder / "wrong"), 0);
  EXPECT_NE(io::read_text(folder / "wrong.log").find("'svmType' must stand there once"), std::string::npos);
  const std::string model = io::read_text(kFixtures / "model.yml");
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"type: RBF", "type: LINEAR"}, {"sv_total: 16", "sv_total: 17"}, {"[ 0.99", "[ .Nan, 0.99"}}) {
    std::string text = model;
    write_raw(folder / "m.yml", text.replace(text.find(from), from.size(), to));
    EXPECT_NE(convert(folder / "m.yml", kFixtures / "range.yml", folder / "wrong"), 0) << to;
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "wrong"));
}

// Wherever a file ends, it is an error and nothing else.
TEST(brisque, truncated_files_are_data_errors) {
  const std::string model = io::read_text(kModel);
  const TempFolder folder;
  for (size_t size = 0; size < model.size(); size += 97) {
    write_raw(folder / "t", model.substr(0, size));
    const std::string message = message_of<DataError>([&] { BrisqueModel{folder / "t"}; });
    EXPECT_NE(message.find((folder / "t").string()), std::string::npos) << size;
  }
  const std::string missing = message_of<EnvironmentError>([&] { BrisqueModel{folder / "none"}; });
  EXPECT_NE(missing.find("none"), std::string::npos) << missing;
}

TEST(brisque, the_recipe_must_name_the_file) {
  RewardConfig config{.kind = "brisque"};
  EXPECT_EQ(
      message_of<ConfigError>([&] { make_reward(config); }),
      "[reward] reward 'brisque' needs brisque_model = the file that scripts/convert_brisque.py makes of "
      "OpenCV's; got none; docs/rewards.md says where it comes from");
  config.brisque_model = kModel.string();
  EXPECT_EQ(make_reward(config)->name(), "brisque");
}

}  // namespace brisque_test
}  // namespace gamut::rewards
