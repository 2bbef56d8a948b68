// SPDX-License-Identifier: Apache-2.0
// Against the statements of GARDO's public code in NumPy (generators/uncertainty_gate.py), and by hand.
#include "gamut/algorithms/uncertainty_gate.h"

#include "gamut/io/files.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::algorithms {
namespace uncertainty_gate_test {

using Json = nlohmann::json;
using Values = std::vector<double>;
using Gate = std::vector<uint8_t>;

Json sequences() {
  return io::read_json(std::filesystem::path(GAMUT_SOURCE_DIR) /
                       "tests/algorithms/fixtures/uncertainty_gate.json")["sequences"];
}

RegularizerConfig config_of(const Json& sequence) {
  return {.kind = "gated_kl",
          .gate_sign = sequence["sign"].get<std::string>(),
          .gate_share = sequence["start"].get<double>()};
}

Gate feed(UncertaintyGate& gate, const Json& row) {
  return gate.open(row["main"].get<Values>(), row["auxiliaries"].get<std::vector<Values>>());
}

TEST(uncertainty_gate, every_iteration_equals_numpy) {
  ASSERT_EQ(sequences().size(), 4u);
  for (const Json& sequence : sequences()) {
    UncertaintyGate gate(config_of(sequence));
    for (size_t i = 0; i < sequence["rows"].size(); ++i) {
      const Json& row = sequence["rows"][i];
      EXPECT_EQ(feed(gate, row), row["gate"].get<Gate>()) << sequence["kind"] << " iteration " << i;
      EXPECT_NEAR(gate.share(), row["share"].get<double>(), 1e-15) << sequence["kind"] << " iteration " << i;
    }
  }
}

TEST(uncertainty_gate, a_saved_state_goes_on_as_if_never_stopped) {
  for (const Json& sequence : sequences()) {
    UncertaintyGate whole(config_of(sequence)), first(config_of(sequence)), second({});
    for (size_t i = 0; i < sequence["rows"].size(); ++i) {
      const Json& row = sequence["rows"][i];
      if (i == 11) {
        second = UncertaintyGate(config_of(sequence));
        second.load_state(Json::parse(first.state().dump()));
      }
      const Gate expected = feed(whole, row);
      EXPECT_EQ(feed(i < 11 ? first : second, row), expected) << i;
    }
    EXPECT_EQ(second.share(), whole.share());
    EXPECT_EQ(second.state(), whole.state());
  }
}

TEST(uncertainty_gate, rank_one_is_the_largest_and_equal_values_keep_their_order) {
  EXPECT_EQ(descending_ranks({0.1, 0.9, 0.5}), (Values{3, 1, 2}));
  EXPECT_EQ(descending_ranks({1, 2, 1, 2}), (Values{3, 1, 4, 2}));
  EXPECT_TRUE(descending_ranks({}).empty());
}

// Picture 0 is the main reward's favorite and the auxiliaries' last: what a hacked reward looks like. As its
// code computes it, GARDO's gate opens for the opposite case.
TEST(uncertainty_gate, the_two_signs_hold_opposite_pictures) {
  const Values main{5, 4, 3, 2, 1}, other{1, 4, 3, 2, 5};
  EXPECT_EQ(UncertaintyGate({.gate_sign = "as_coded"}).open(main, {other}), (Gate{0, 0, 0, 0, 1}));
  EXPECT_EQ(UncertaintyGate({.gate_sign = "as_described"}).open(main, {other}), (Gate{1, 0, 0, 0, 0}));
}

TEST(uncertainty_gate, rewards_that_agree_open_it_for_nobody) {
  UncertaintyGate gate{RegularizerConfig{}};
  EXPECT_EQ(gate.open({3, 1, 2}, {{3, 1, 2}, {30, 10, 20}}), (Gate{0, 0, 0}));
  EXPECT_EQ(gate.open({}, {{}}), Gate{});
}

TEST(uncertainty_gate, the_share_stays_within_its_bounds) {
  for (const int direction : {1, -1}) {
    UncertaintyGate gate{RegularizerConfig{}};
    for (int i = 0; i < 60; ++i) {
      // Swapping the ends of ever longer (or shorter) stretches: the mean disagreement rises (or falls)
      // steadily.
      const int swapped = direction > 0 ? i : 60 - i;
      Values main, other;
      for (int j = 0; j < 128; ++j) main.push_back(other.emplace_back(j));
      for (int j = 0; j < swapped; ++j) std::swap(other[size_t(j)], other[size_t(127 - j)]);
      gate.open(main, {other});
      EXPECT_GE(gate.share(), 0.02);
      EXPECT_LE(gate.share(), 0.20);
    }
    EXPECT_EQ(gate.share(), direction > 0 ? 0.20 : 0.02);
  }
}

TEST(uncertainty_gate, the_reference_is_renewed_by_distance_or_by_age) {
  const RegularizerConfig config;  // 3e-4, 15
  EXPECT_FALSE(reference_is_due(config, 3e-4, 15));
  EXPECT_TRUE(reference_is_due(config, 3.1e-4, 1));
  EXPECT_TRUE(reference_is_due(config, 0, 16));
}

}  // namespace uncertainty_gate_test
}  // namespace gamut::algorithms
