// SPDX-License-Identifier: Apache-2.0
#include "gamut/run/sweep_results.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "gamut/run/protocol.h"
#include "support/message_of.h"
#include "support/temp_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

namespace gamut::run {
namespace sweep_results_test {

using nlohmann::json;

// A run of four iterations, `loss` of which is no default.
PlannedRun planned(const std::string& name, const std::string& loss) {
  PlannedRun run{.method = name, .name = name + "-3", .seed = 3, .recipe = {}, .sets = {}, .resolved = {}};
  run.resolved.train.iterations = 4;
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"seed", "3"}, {"device", "\"cuda\""}, {"iterations", "4"}, {"loss.kind", loss}})
    run.resolved.resolved.fields.push_back(
        {.key = key, .toml = value, .origin = "", .default_toml = "\"x\"", .rule = "", .help = ""});
  return run;
}

json row(const std::string& run, int64_t step, const std::string& settings) {
  json row{{"recipe", run}, {"seed", 3}, {"step", step}, {"run", run + "-3"}};
  if (!settings.empty()) row["settings"] = settings;
  return row;
}

class sweep_results : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::vector<json>& rows) {
    std::string text;
    for (const json& row : rows) text += row.dump() + "\n";
    io::write_atomically(dir_ / name, text);
    return (dir_ / name).string();
  }
  const testing::TempFolder dir_;
  const std::string settings_ = "iterations = 4; loss.kind = \"y\"";
};

TEST_F(sweep_results, settings_are_what_is_no_default_and_makes_the_method) {
  EXPECT_EQ(method_settings(planned("a", "\"y\"").resolved.resolved), settings_);
  EXPECT_EQ(method_settings(planned("a", "\"x\"").resolved.resolved), "iterations = 4");
}

TEST_F(sweep_results, run_of_this_sweep_that_reached_its_end_is_taken_and_no_other) {
  const std::string file = write("results.jsonl", {row("a", 0, settings_), row("a", 4, ""),
                                                   row("b", 2, settings_), row("other", 4, settings_)});
  const EndedRuns ended = read_ended({planned("a", "\"y\""), planned("b", "\"y\"")}, {file});
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended.at("a-3"), row("a", 0, settings_).dump() + "\n" + row("a", 4, "").dump() + "\n");
}

TEST_F(sweep_results, stands_among_the_collected_rows_without_a_folder_of_its_own) {
  const std::vector<PlannedRun> runs{planned("a", "\"y\""), planned("b", "\"y\"")};
  const EndedRuns ended = read_ended(runs, {write("elsewhere.jsonl", {row("a", 4, settings_)})});
  EXPECT_TRUE(collect_results(runs, dir_.path(), ended).empty());
  EXPECT_EQ(io::read_text(dir_ / "results.jsonl"), ended.at("a-3"));
}

TEST_F(sweep_results, other_settings_unknown_ones_and_a_second_file_are_refused) {
  const std::vector<PlannedRun> runs{planned("a", "\"y\"")};
  const std::string other = write("other.jsonl", {row("a", 4, "iterations = 4")}),
                    silent = write("silent.jsonl", {row("a", 4, "")}),
                    good = write("good.jsonl", {row("a", 4, settings_)});
  EXPECT_EQ(
      testing::message_of<ConfigError>([&] { read_ended(runs, {other}); }),
      "[sweep] 'a-3' of " + other +
          " was trained with other settings than this sweep asks for: loss.kind (its default and \"y\")");
  EXPECT_EQ(
      testing::message_of<ConfigError>([&] { read_ended(runs, {silent}); }),
      "[sweep] " + silent +
          " does not say with which settings 'a-3' was trained; leave it out of `ended`, or collect its "
          "rows anew");
  EXPECT_EQ(testing::message_of<DataError>([&] {
              read_ended(runs, {good, good});
            }),
            "[sweep] " + good + " holds 'a-3' once more; leave it in one of `ended`");
}

}  // namespace sweep_results_test
}  // namespace gamut::run
