// SPDX-License-Identifier: Apache-2.0
// Against NumPy and scikit-learn (generators/diversity.py). Both sides compute in double, on other summation
// orders: 1e-9 leaves room for rounding only; features pass through float, 1e-5.
#include "gamut/diversity/pixels.h"
#include "gamut/diversity/vendi.h"
#include "gamut/io/files.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::diversity {
namespace measures_test {

using Json = nlohmann::json;

const Json& fixture() {
  static const Json json =
      io::read_json(std::filesystem::path(GAMUT_SOURCE_DIR) / "tests/diversity/fixtures/measures.json");
  return json;
}

at::Tensor matrix(const Json& rows) {
  std::vector<at::Tensor> all;
  for (const Json& row : rows) all.push_back(at::tensor(row.get<std::vector<double>>(), at::kDouble));
  return at::stack(all);
}

TEST(measures, vendi_equals_numpy) {
  for (const Json& entry : fixture()["vendi"]) {
    for (const Json& score : entry["scores"]) {
      const double q = std::stod(score[0].get<std::string>());
      EXPECT_NEAR(vendi_from_kernel(matrix(entry["kernel"]), q), score[1].get<double>(), 1e-9) << q;
      EXPECT_NEAR(vendi_from_features(matrix(entry["features"]), q), score[1].get<double>(), 1e-9) << q;
      EXPECT_NEAR(vendi_from_features(matrix(entry["features"]).to(at::kFloat), q), score[1].get<double>(),
                  1e-5)
          << q;
    }
  }
}

TEST(measures, pixel_measures_equal_numpy) {
  const Json& entry = fixture()["pixels"];
  std::vector<io::Image> images;
  for (const Json& pixels : entry["images"]) {
    images.push_back(
        {entry["width"].get<int64_t>(), entry["height"].get<int64_t>(), pixels.get<std::vector<uint8_t>>()});
  }
  EXPECT_NEAR(color_spread(images), entry["color_spread"].get<double>(), 1e-9);
  EXPECT_NEAR(pixel_pairwise_distance(images), entry["pairwise_distance"].get<double>(), 1e-9);
  EXPECT_NEAR(high_frequency_energy(images), entry["high_frequency_energy"].get<double>(), 1e-9);
}

}  // namespace measures_test
}  // namespace gamut::diversity
