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
const std::filesystem::path kModel = kFixtures / "model.yml", kRange = kFixtures / "range.yml";

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
  const auto reward = make_brisque(kModel, kRange);
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
  const auto reward = make_brisque(folder / "brisque_model_live.yml", folder / "brisque_range_live.yml");
  for (const auto& [name, picture] : nn::load_safetensors(kFixtures / "pictures.safetensors")) {
    const Scores scores = reward->score(as_reward_sees(picture), std::vector<text::Prompt>(1));
    EXPECT_NEAR(100 - 100 * scores.value[0], expected[name]["live_score"].get<double>(), 1e-2) << name;
  }
}

TEST(brisque, a_score_depends_on_its_picture_alone) {
  const auto reward = make_brisque(kModel, kRange);
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
  const auto reward = make_brisque(kModel, kRange);
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
  const auto reward = make_brisque(kModel, kRange);
  const auto failure_of = [&](int64_t height, int64_t width) {
    return reward->score(noise(1, height, width), std::vector<text::Prompt>(1)).failure[0];
  };
  EXPECT_EQ(failure_of(13, 20), "picture of 20 x 13 pixels is too small for brisque, which needs 14 x 14");
  EXPECT_NE(failure_of(20, 1), "");
  EXPECT_EQ(failure_of(14, 14), "");
}

// One spot: most shifted products are 0, and some fits have an empty side.
TEST(brisque, sparse_pictures_are_scored_or_fail) {
  const auto reward = make_brisque(kModel, kRange);
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

std::string edited(const std::filesystem::path& file, const std::string& from, const std::string& to) {
  std::string text = io::read_text(file);
  const size_t place = text.find(from);
  EXPECT_NE(place, std::string::npos) << from;
  return text.replace(place, from.size(), to);
}

std::string model_message(const std::string& text) {
  const TempFolder folder;
  write_raw(folder / "m.yml", text);
  std::string message = message_of<DataError>([&] { BrisqueModel(folder / "m.yml", kRange); });
  const std::string path = (folder / "m.yml").string();
  return message.starts_with(cat("[", path, "] ")) ? message.substr(path.size() + 3) : message;
}

std::string range_message(const std::string& text) {
  const TempFolder folder;
  write_raw(folder / "r.yml", text);
  std::string message = message_of<DataError>([&] { BrisqueModel(kModel, folder / "r.yml"); });
  const std::string path = (folder / "r.yml").string();
  return message.starts_with(cat("[", path, "] ")) ? message.substr(path.size() + 3) : message;
}

TEST(brisque, wrong_models_are_named) {
  EXPECT_EQ(model_message(edited(kModel, "EPS_SVR", "C_SVC")),
            "'file.opencv_ml_svm.svmType' must be EPS_SVR or NU_SVR; got 'C_SVC'");
  EXPECT_EQ(model_message(edited(kModel, "type: RBF", "type: LINEAR")),
            "'file.opencv_ml_svm.kernel.type' must be RBF; got 'LINEAR'");
  EXPECT_EQ(model_message(edited(kModel, "gamma: 0.05", "gamma: -0.05")),
            "'file.opencv_ml_svm.kernel.gamma' must be above 0; got '-0.05'");
  EXPECT_EQ(model_message(edited(kModel, "var_count: 36", "var_count: 35")),
            "'file.opencv_ml_svm.var_count' must be a whole number in 36 … 36; got '35.0'");
  EXPECT_EQ(model_message(edited(kModel, "sv_total: 16", "sv_total: 17")),
            "'file.opencv_ml_svm.support_vectors' must be a list of 17; got a list of 16");
  EXPECT_EQ(model_message(edited(kModel, "sv_total: 16", "sv_total: 1e30")),
            "'file.opencv_ml_svm.sv_total' must be a whole number in 1 … 1000000; got '1e+30'");
  EXPECT_EQ(model_message(edited(kModel, "[ 0.99", "[ .Nan, 0.99")),
            "'file.opencv_ml_svm.support_vectors[0]' must be a list of 36; got a list of 37");
  EXPECT_EQ(model_message(edited(kModel, "rho: -57", "rho: .Inf # -57")),
            "'file.opencv_ml_svm.decision_functions[0].rho' must be a finite number; got '.Inf # "
            "-57.600882526465654'");
  EXPECT_EQ(model_message(edited(kModel, "rho:", "roh:")),
            "'file.opencv_ml_svm.decision_functions[0]' must hold 'rho'; it is missing");
  EXPECT_EQ(model_message(edited(kModel, "sv_count: 16", "sv_count: 15")),
            "'file.opencv_ml_svm.decision_functions[0].alpha' must be a list of 15; got a list of 16");
  EXPECT_EQ(model_message(io::read_text(kRange)), "'file' must hold 'opencv_ml_svm'; it is missing");
}

TEST(brisque, wrong_ranges_are_named) {
  EXPECT_EQ(range_message(edited(kRange, "cols: 36", "cols: 18")),
            "'file.range.cols' must be a whole number in 36 … 36; got '18.0'");
  EXPECT_EQ(range_message(edited(kRange, "data: [ ", "data: [ 7., ")),
            "'file.range.data' must be a list of 72; got a list of 73");
  EXPECT_EQ(range_message(edited(kRange, "data: [ 1", "data: [ 991")),
            "the smallest value of feature 0 must be below its largest; got 991.458 and 4.72900009");
  EXPECT_EQ(range_message("%YAML:1.0\n---\nrange: 3\n"), "'file.range' must be a map with 'rows'; got '3.0'");
}

// Wherever a file ends, it is an error and nothing else.
TEST(brisque, truncated_files_are_data_errors) {
  const std::string model = io::read_text(kModel), range = io::read_text(kRange);
  const TempFolder folder;
  const std::string named = cat("[", (folder / "t.yml").string(), "] ");
  const auto kept = [&](const std::string& text, size_t size, bool is_model) {
    write_raw(folder / "t.yml", text.substr(0, size));
    const std::filesystem::path model_file = is_model ? folder / "t.yml" : kModel;
    return message_of<DataError>([&] { BrisqueModel(model_file, is_model ? kRange : folder / "t.yml"); });
  };
  for (size_t size = 0; size + 2 < model.size(); size += 97)
    EXPECT_TRUE(kept(model, size, true).starts_with(named)) << size;
  for (size_t size = 0; size + 2 < range.size(); size += 7)
    EXPECT_TRUE(kept(range, size, false).starts_with(named)) << size;
  const std::string missing =
      message_of<EnvironmentError>([&] { BrisqueModel(folder / "none.yml", kRange); });
  EXPECT_NE(missing.find("none.yml"), std::string::npos) << missing;
}

TEST(brisque, the_recipe_must_name_both_files) {
  RewardConfig config{.kind = "brisque"};
  EXPECT_EQ(message_of<ConfigError>([&] { make_reward(config); }),
            "[reward] reward 'brisque' needs brisque_model = OpenCV's brisque_model_live.yml; got none; "
            "docs/rewards.md says "
            "where it comes from");
  config.brisque_model = kModel.string();
  EXPECT_NE(message_of<ConfigError>([&] { make_reward(config); }).find("needs brisque_range"),
            std::string::npos);
  config.brisque_range = kRange.string();
  EXPECT_EQ(make_reward(config)->name(), "brisque");
}

}  // namespace brisque_test
}  // namespace gamut::rewards
