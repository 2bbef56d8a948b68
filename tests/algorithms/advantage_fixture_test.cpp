// SPDX-License-Identifier: Apache-2.0
// Against NumPy (generators/advantages.py). Both sides compute in double on other summation orders: 1e-10
// leaves room for the rounding of a difference divided by a small eps.
#include "algorithms/credit_support.h"
#include "gamut/io/files.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <limits>

namespace gamut::algorithms {
namespace advantage_fixture_test {

using Json = nlohmann::json;

std::vector<Group> read_groups(const Json& rows) {
  std::vector<Group> groups;
  for (const Json& row : rows) {
    Group& group = groups.emplace_back();
    for (const Json& reward : row) {
      group.rewards.push_back(reward.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                               : reward.get<double>());
      group.scored.push_back(!reward.is_null());
    }
  }
  return groups;
}

AdvantageConfig read_config(const Json& entry) {
  return {.kind = entry["kind"].get<std::string>(),
          .std_scope = entry["std_scope"].get<std::string>(),
          .std_ddof = entry["std_ddof"].get<int64_t>(),
          .std_eps = entry["std_eps"].get<double>(),
          .std_eps_form = entry["std_eps_form"].get<std::string>(),
          .clip = entry["clip"].get<double>(),
          .zero = entry["zero"].get<std::string>()};
}

TEST(advantage_fixture, every_convention_equals_numpy) {
  const Json fixture =
      io::read_json(std::filesystem::path(GAMUT_SOURCE_DIR) / "tests/algorithms/fixtures/advantages.json");
  const std::vector<Group> groups = read_groups(fixture["groups"]);
  ASSERT_GT(fixture["cases"].size(), 50u);
  for (const Json& entry : fixture["cases"]) {
    const Credit credit = testing::credit(groups, read_config(entry));
    ASSERT_EQ(credit.groups.size(), groups.size());
    for (size_t g = 0; g < groups.size(); ++g) {
      EXPECT_EQ(Json(credit.groups[g].trained), entry["trained"][g]) << entry["kind"] << " group " << g;
      for (size_t j = 0; j < groups[g].rewards.size(); ++j)
        EXPECT_NEAR(credit.groups[g].advantages[j], entry["advantages"][g][j].get<double>(), 1e-10)
            << entry["kind"] << " " << entry["std_scope"] << " group " << g << " member " << j;
    }
    EXPECT_EQ(credit.zero_std_groups, 4);  // three equal, two equal beside a failure, one alone, none
  }
}

}  // namespace advantage_fixture_test
}  // namespace gamut::algorithms
