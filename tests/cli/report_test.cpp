// SPDX-License-Identifier: Apache-2.0
// gamut report and gamut train --serve as a user runs them, on runs of a second.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>
#include <httplib.h>

namespace gamut::testing {
namespace report_test {

using nlohmann::json;

// The numbers inside a page.
json data_of(const fs::path& page) {
  const std::string text = read_file(page), open = "<script id=\"data\" type=\"application/json\">";
  const size_t begin = text.find(open) + open.size();
  return json::parse(text.substr(begin, text.find("</script>", begin) - begin));
}

Ran report(const Micro& folder, std::vector<std::string> runs, const std::vector<std::string>& more = {}) {
  std::vector<std::string> args{"report", "-o", (folder / "report.html").string()};
  for (const std::string& run : runs) args.push_back((folder / run).string());
  args.insert(args.end(), more.begin(), more.end());
  return gamut(args);
}

TEST(report, shows_a_trained_run_whole) {
  const Micro folder;
  ASSERT_EQ(gamut(folder.train("plain-0", {"--set", "seed=0"})).code, 0);
  ASSERT_EQ(gamut(folder.train("other",
                               {"--set", "shaping.kind=cluster_bonus", "--set", "shaping.features=pixels"}))
                .code,
            0);
  const Ran ran = report(folder, {"plain-0", "other"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, (folder / "report.html").string() + "\n");
  const json data = data_of(folder / "report.html");
  const json& run = data["runs"][0];
  EXPECT_EQ(run["recipe"], "plain") << "the seed is no part of the recipe's name";
  EXPECT_TRUE(run["finished"]);
  EXPECT_EQ(run["curves"]["steps"].size(), 4u);
  EXPECT_EQ(run["evaluations"].size() % 3, 0u) << "0, 2 and 4, once or in several roles";
  EXPECT_EQ(run["sheets"].size(), 3u);
  EXPECT_EQ(run["palettes"][0]["colors"].get<std::string>().size(), 12u * 6u);
  EXPECT_EQ(run["command"], "gamut train " + folder.recipe().string() + " --set seed=0 --run " +
                                (folder / "plain-0").string() + "\n");
  EXPECT_NE(run["build"].get<std::string>().find("LibTorch"), std::string::npos);
  EXPECT_EQ(data["sheet_prompts"][0], "the digit 7");
  // Two groups of four at iterations 1, 2 and 4.
  ASSERT_EQ(run["groups"].size(), 6u);
  for (const char* key : {"reward", "advantage", "kept", "cluster", "bonus"})
    EXPECT_EQ(run["groups"][0][key].size(), 4u) << key;
  const auto has_bonus = [](const json& group) {
    return group["bonus"].dump().find_first_of("123456789") != std::string::npos;
  };
  for (size_t g = 0; g < 6; ++g) EXPECT_FALSE(has_bonus(run["groups"][g])) << "no shaping, no bonus";
  EXPECT_TRUE(has_bonus(data["runs"][1]["groups"][0]));
}

TEST(report, leaves_out_a_line_cut_by_a_kill_and_shows_an_empty_run) {
  const Micro folder;
  ASSERT_EQ(gamut(folder.train("run")).code, 0);
  fs::create_directories(folder / "empty");
  fs::copy(folder / "run" / "config.toml", folder / "empty" / "config.toml");
  for (const char* name : {"metrics.jsonl", "evals.jsonl", "groups.jsonl"}) {
    const std::string text = read_file(folder / "run" / name);
    write_raw(folder / "run" / name, text.substr(0, text.size() - 20));
  }
  const Ran ran = report(folder, {"run", "empty"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const json data = data_of(folder / "report.html");
  EXPECT_EQ(data["runs"][0]["steps_done"], 3);
  EXPECT_EQ(data["runs"][0]["groups"].size(), 5u);
  EXPECT_FALSE(data["runs"][0]["finished"]);
  EXPECT_TRUE(data["runs"][1]["evaluations"].empty());
  EXPECT_EQ(data["warnings"][0]["rule"], "unfinished");
}

TEST(report, errors_are_one_line) {
  const Micro folder;
  fs::create_directories(folder / "nothing");
  Ran ran = report(folder, {"nothing"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("is no run folder: it has no config.toml"), std::string::npos) << ran.err;
  ASSERT_EQ(gamut(folder.train("run")).code, 0);
  ran = report(folder, {"run"}, {"--baseline", "ddpo"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("got 'ddpo'; expected one of run"), std::string::npos) << ran.err;
  ran = report(folder, {"run", "run"});
  EXPECT_NE(ran.err.find("named twice"), std::string::npos) << ran.err;
  write_raw(folder / "run" / "metrics.jsonl", "{\"step\": 1}\n[]\n");
  ran = report(folder, {"run"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("must hold objects with an integer 'step'"), std::string::npos) << ran.err;
}

TEST(report, says_why_runs_cannot_be_compared) {
  const Micro folder;
  ASSERT_EQ(gamut(folder.train("a")).code, 0);
  ASSERT_EQ(gamut(folder.train("b", {"--set", "eval.seed=7"})).code, 0);
  ASSERT_EQ(report(folder, {"a", "b"}).code, 0);
  const json data = data_of(folder / "report.html");
  EXPECT_EQ(data["reason"], "a and b differ in eval.seed (1000 and 7)");
  EXPECT_TRUE(data["comparisons"].empty());
}

TEST(report, a_hundred_thousand_steps_stay_small) {
  const Micro folder;
  ASSERT_EQ(gamut(folder.train("run")).code, 0);
  const std::string line = read_file(folder / "run" / "metrics.jsonl");
  json row = json::parse(line.substr(0, line.find('\n')));
  std::string rows;
  for (int64_t step = 1; step <= 100000; ++step) {
    row["step"] = step;
    row["reward_mean"] = 1.0 / double(step);
    rows += row.dump() + "\n";
  }
  write_raw(folder / "run" / "metrics.jsonl", rows);
  ASSERT_EQ(report(folder, {"run"}).code, 0);
  EXPECT_LT(fs::file_size(folder / "report.html"), 1'000'000u);
  const json curves = data_of(folder / "report.html")["runs"][0]["curves"];
  EXPECT_EQ(curves["steps"].back(), 100000);
  EXPECT_LT(curves["steps"].size(), 400u);
  EXPECT_GE(curves["steps"].size(), 200u);
}

TEST(report, follows_until_the_run_has_finished) {
  const Micro folder;
  Program training(folder.train("run", {"--set", "iterations=12"}), {});
  ASSERT_TRUE(training.wait_until([&] { return fs::exists(folder / "run" / "config.toml"); }));
  Program follower({"report", "--follow", "--every", "1", "-o", (folder / "report.html").string(),
                    (folder / "run").string()},
                   {});
  EXPECT_EQ(training.wait().code, 0);
  EXPECT_EQ(follower.wait().code, 0);
  const json data = data_of(folder / "report.html");
  EXPECT_TRUE(data["runs"][0]["finished"]);
  EXPECT_EQ(data["refresh_seconds"], 0) << "the last page does not load itself anew";
}

// The address that a run says it serves at; "" before it does.
std::string served_at(const std::string& err) {
  const size_t begin = err.find("http://127.0.0.1:"), end = err.find("/ ", begin);
  return begin == std::string::npos || end == std::string::npos ? "" : err.substr(begin, end - begin);
}

TEST(report, training_serves_it_until_it_ends) {
  const Micro folder;
  Program training(folder.train("run", {"--set", "iterations=100000", "--serve", "0"}), {});
  ASSERT_TRUE(training.wait_until([&] { return !served_at(training.err()).empty(); })) << training.err();
  const std::string address = served_at(training.err());
  const auto get = [&](const char* path, const char* host = nullptr) {
    httplib::Client client(address);
    client.set_read_timeout(60);
    const auto found = client.Get(path, host ? httplib::Headers{{"Host", host}} : httplib::Headers{});
    return std::make_pair(found ? found->status : 0, found ? found->body : "");
  };
  const auto steps_done = [&] {
    return json::parse(get("/data.json").second)["runs"][0]["steps_done"].get<int64_t>();
  };
  EXPECT_EQ(get("/").first, 200);
  EXPECT_NE(get("/").second.find("\"live\":true"), std::string::npos);
  EXPECT_TRUE(training.wait_until([&] { return steps_done() >= 2; }));
  EXPECT_EQ(get("/config.toml").first, 404);
  EXPECT_EQ(get("/", "evil.example").first, 403);

  // A second run cannot have the same port.
  const Ran second = gamut(folder.train("second", {"--serve", address.substr(address.rfind(':') + 1)}));
  EXPECT_EQ(second.code, 4);
  EXPECT_NE(second.err.find("the port may be taken"), std::string::npos) << second.err;

  training.signal(SIGINT);
  EXPECT_EQ(training.wait().code, 130);
  EXPECT_EQ(get("/").first, 0) << "nobody listens any more";
}

}  // namespace report_test
}  // namespace gamut::testing
