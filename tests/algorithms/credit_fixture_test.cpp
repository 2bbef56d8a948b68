// SPDX-License-Identifier: Apache-2.0
// Whole chains of each method against NumPy (generators/credit.py). The fixture is rounded to 1e-11; cosine
// distances are summed in another order on both sides: 1e-9 leaves room for both.
#include "algorithms/credit_support.h"
#include "gamut/core/error.h"
#include "gamut/io/files.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::algorithms {
namespace credit_fixture_test {

using Json = nlohmann::json;

Group read_group(const Json& entry) {
  Group group = testing::group(entry["rewards"].get<std::vector<double>>());
  std::vector<double> features;
  for (const Json& row : entry["features"])
    for (const Json& value : row) features.push_back(value.get<double>());
  group.distances_NN = diversity::cosine_distances(
      at::tensor(features, at::kDouble).reshape({int64_t(group.rewards.size()), -1}));
  group.clusters = entry["clusters"].get<std::vector<int64_t>>();
  group.prompt = entry["prompt"].get<std::string>();
  return group;
}

void expect_near(const std::vector<double>& got, const Json& expected, const std::string& what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  for (size_t j = 0; j < got.size(); ++j) {
    if (expected[j].is_null())
      EXPECT_TRUE(std::isnan(got[j])) << what << " of member " << j;
    else
      EXPECT_NEAR(got[j], expected[j].get<double>(), 1e-9) << what << " of member " << j;
  }
}

TEST(credit_fixture, every_method_equals_numpy) {
  const Json fixture =
      io::read_json(std::filesystem::path(GAMUT_SOURCE_DIR) / "tests/algorithms/fixtures/credit.json");
  ASSERT_EQ(fixture["methods"].size(), 11u);
  for (const Json& method : fixture["methods"]) {
    const std::string name = method["name"].get<std::string>();
    const testing::CreditRecipe by = testing::recipe(method["recipe"].get<std::string>());
    PromptStatistics statistics;
    for (size_t i = 0; i < fixture["iterations"].size(); ++i) {
      std::vector<Group> groups;
      for (const Json& entry : fixture["iterations"][i]) groups.push_back(read_group(entry));
      const Credit credit = testing::credit(groups, by, {.statistics = &statistics});
      for (size_t g = 0; g < groups.size(); ++g) {
        const Json& expected = method["iterations"][i][g];
        const std::string place = cat(name, ", iteration ", i, ", group ", g);
        EXPECT_EQ(Json(credit.groups[g].kept), expected["kept"]) << place;
        expect_near(credit.groups[g].bonus, expected["bonus"], place + ", bonus");
        expect_near(credit.groups[g].shaped, expected["shaped"], place + ", shaped");
        expect_near(credit.groups[g].advantages, expected["advantages"], place + ", advantage");
        if (expected.contains("diversity"))
          expect_near(credit.groups[g].diversity, expected["diversity"], place + ", diversity");
      }
    }
  }
}

}  // namespace credit_fixture_test
}  // namespace gamut::algorithms
