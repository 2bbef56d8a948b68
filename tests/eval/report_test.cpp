// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/report.h"

#include "gamut/eval/report_page.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace gamut::eval {
namespace report_test {

using nlohmann::json;

ReportEvaluation row(int64_t step, double reward, double spread, const std::string& role = "select") {
  return {.step = step,
          .seconds = double(step),
          .role = role,
          .values = {{"reward", reward}, {"color_spread", spread}, {"judge", reward}}};
}

ReportRun run_of(const std::string& recipe, int64_t seed, double lost) {
  ReportRun run;
  run.name = recipe + "-" + std::to_string(seed);
  run.recipe = recipe;
  run.seed = seed;
  run.iterations = run.steps_done = 100;
  run.finished = true;
  run.evaluations = {row(0, 0.5, 0.2), row(50, 0.7, 0.2 - lost / 2), row(100, 0.9, 0.2 - lost)};
  return run;
}

// The block that app.js reads.
json data_of(const std::string& page) {
  const std::string open = "<script id=\"data\" type=\"application/json\">";
  const size_t begin = page.find(open) + open.size();
  return json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

TEST(report, script_safe_leaves_nothing_that_html_reads) {
  const std::string hostile = "</script><script>alert('x')</script><!-- & \xe2\x80\xa8\xe2\x80\xa9 é";
  const std::string safe = script_safe(json(hostile).dump());
  EXPECT_EQ(safe.find_first_of("<>&"), std::string::npos);
  EXPECT_EQ(safe.find("\xe2\x80\xa8"), std::string::npos);
  EXPECT_EQ(safe.find("\xe2\x80\xa9"), std::string::npos);
  EXPECT_EQ(json::parse(safe).get<std::string>(), hostile);
}

// Marks of the template inside the data stay data.
TEST(report, hostile_text_travels_unchanged_and_adds_no_element) {
  Report report;
  report.runs = {run_of("<img src=x onerror=alert(1)>", 1, 0.1)};
  const std::vector<std::string> prompts{"</script><script>alert(1)</script>", "{{data}}", "/*{{script}}*/",
                                         "a \"b\" & c\xff"};
  report.sheet_prompts = prompts;
  complete(report);
  const std::string page = report_page(report);
  const json data = data_of(page);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(data["sheet_prompts"][i], prompts[i]);
  EXPECT_EQ(data["sheet_prompts"][3], "a \"b\" & c\xef\xbf\xbd") << "bytes that are not UTF-8 are replaced";
  Report plain = report;
  plain.sheet_prompts = {"a", "b", "c", "d"};
  plain.runs[0].recipe = "recipe";
  const auto count = [](const std::string& text, const std::string& part) {
    size_t found = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
  };
  for (const char* part : {"<script", "</script", "<img", "onerror"})
    EXPECT_EQ(count(page.substr(0, page.find("id=\"data\"")), part),
              count(report_page(plain).substr(0, page.find("id=\"data\"")), part));
  EXPECT_EQ(count(page, "<script"), count(report_page(plain), "<script"));
  EXPECT_EQ(count(page, "<img"), 0u);
}

TEST(report, needs_nothing_from_outside) {
  Report report;
  report.runs = {run_of("a", 1, 0.1)};
  const std::string page = report_page(report);
  for (const char* part : {"src=\"http", "href=\"http", "url(http", "@import", "import("})
    EXPECT_EQ(page.find(part), std::string::npos) << part;
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(page.find("{{"), std::string::npos) << "a mark was left";
}

// At equal reward r the spread is 0.2 - lost (r - 0.5) / 0.4 on the checkpoints 0.7 and 0.9.
TEST(report, compares_every_method_with_the_baseline) {
  Report report;
  for (const int64_t seed : {1, 2, 3}) {
    report.runs.push_back(run_of("flow_grpo", seed, 0.16));
    report.runs.push_back(run_of("gamut", seed, 0.02));
  }
  complete(report);
  EXPECT_EQ(report.baseline, "flow_grpo");
  ASSERT_EQ(report.comparisons.size(), 1u) << "one measure is there";
  EXPECT_EQ(report.measures[0], "color_spread");
  const json found = data_of(report_page(report))["comparisons"][0];
  EXPECT_EQ(found["method"], "gamut");
  ASSERT_TRUE(found["diversity"]["change"].is_object());
  EXPECT_GT(found["diversity"]["change"]["value"].get<double>(), 0.5);
  EXPECT_GT(found["diversity"]["method"].get<double>(), found["diversity"]["baseline"].get<double>());
}

TEST(report, chooses_on_one_set_of_seeds_and_reports_on_the_other) {
  ReportRun run = run_of("a", 1, 0.1);
  run.evaluations.push_back(row(100, 0.85, 0.05, "report"));
  const Curve curve = curve_of(run, "reward", "color_spread");
  ASSERT_EQ(curve.checkpoints.size(), 3u);
  EXPECT_EQ(curve.checkpoints[2].select_x, 0.9);
  EXPECT_EQ(curve.checkpoints[2].report_x, 0.85);
  EXPECT_EQ(curve.checkpoints[1].report_x, 0.7) << "a step without a reporting row reports itself";
}

TEST(report, runs_that_cannot_be_compared_are_not) {
  Report report;
  report.runs = {run_of("a", 1, 0.1), run_of("b", 1, 0.2)};
  report.reason = "a-1 and b-1 differ in eval.seed (1 and 2)";
  complete(report);
  EXPECT_TRUE(report.comparisons.empty());
  EXPECT_EQ(data_of(report_page(report))["reason"], report.reason);
}

TEST(report, a_run_without_a_single_row_still_makes_a_page) {
  Report report;
  report.runs = {run_of("a", 1, 0.1), ReportRun{}};
  report.runs[1].name = report.runs[1].recipe = "empty";
  complete(report);
  EXPECT_TRUE(report.comparisons.empty());
  EXPECT_EQ(data_of(report_page(report))["runs"].size(), 2u);
}

TEST(report, numbers_are_short_and_never_invalid_json) {
  Report report;
  report.runs = {run_of("a", 1, 0.1)};
  report.runs[0].curves = {.steps = {1, 2, 3},
                           .seconds = {1, 2, 3},
                           .values = {{"x", {1.0 / 3, std::nan(""), std::numeric_limits<double>::infinity()}},
                                      {"constant", {0.25, 0.25, 0.25}}}};
  const json values = data_of(report_page(report))["runs"][0]["curves"]["values"];
  EXPECT_EQ(values["x"].dump(), "[0.33333,null,null]");
  EXPECT_EQ(values["constant"].dump(), "0.25");
}

}  // namespace report_test
}  // namespace gamut::eval
