// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/protocol.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>

namespace gamut::run {
namespace protocol_test {

Resolved resolved(const std::string& iterations, const std::string& at) {
  Resolved recipe;
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"model", "\"models/glyphs\""},
                                                        {"seed", "3"},
                                                        {"iterations", iterations},
                                                        {"eval.at", at},
                                                        {"loss.kind", "\"x\""}})
    recipe.fields.push_back(
        {.key = key, .toml = value, .origin = "", .default_toml = "", .rule = "", .help = ""});
  return recipe;
}

TEST(protocol, holds_what_methods_share_and_nothing_of_them) {
  EXPECT_EQ(protocol_of(resolved("160", "[5, 10]")),
            "model = \"models/glyphs\"; iterations = 160; eval.at = [5, 10]");
}

TEST(protocol, names_files_wherever_they_stand) {
  Resolved here = resolved("4", "[]"), there = here;
  here.fields[0].toml = "\"recipes/glyphs/a.jsonl\"";
  there.fields[0].toml = "\"/home/me/recipes/glyphs/a.jsonl\"";
  EXPECT_EQ(protocol_of(here), "model = \"glyphs/a.jsonl\"; iterations = 4; eval.at = []");
  EXPECT_EQ(protocol_of(there), protocol_of(here));
}

TEST(protocol, runs_of_two_are_refused_by_what_differs) {
  const std::string one = protocol_of(resolved("160", "[5, 10]")),
                    two = protocol_of(resolved("80", "[5, 10]"));
  check_one_protocol("sweep", {{"a", one}, {"b", one}});
  check_one_protocol("sweep", {{"a", ""}, {"b", ""}});
  EXPECT_EQ(testing::message_of<ConfigError>([&] {
              check_one_protocol("sweep", {{"a", one}, {"b", one}, {"c", two}});
            }),
            "[sweep] one table holds runs of one protocol; 'a' and 'c' differ in iterations (160 and 80)");
  EXPECT_EQ(testing::message_of<ConfigError>([&] {
              check_one_protocol("sweep", {{"a", one}, {"b", ""}});
            }),
            "[sweep] one table holds runs of one protocol; 'b' has none on record and 'a' has; collect its "
            "rows anew");
}

}  // namespace protocol_test
}  // namespace gamut::run
