// SPDX-License-Identifier: Apache-2.0
// Pictures that cannot be scored: no number stands for them in any table, file or log.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include <thread>

namespace gamut::testing {
namespace failed_scores_test {

using nlohmann::json;

// A reward server on the loopback interface that gives `first` for the first picture of each request and
// `others` for the rest, both as JSON or as what Python writes.
class Server {
 public:
  Server(const std::string& first, const std::string& others) {
    server_.Get("/health", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("{\"status\": \"ok\"}", "application/json");
    });
    server_.Post("/compute", [=, this](const httplib::Request& request, httplib::Response& response) {
      last_ = json::parse(request.body);
      std::string list = first;
      for (size_t i = 1; i < last_["prompt"].size(); ++i) list += ", " + others;
      response.set_content("{\"rewards\": [" + list + "]}", "application/json");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Server() {
    server_.stop();
    thread_.join();
  }
  // Of `table`, reward or judge.
  std::vector<std::string> sets(const std::string& table) const {
    return {"--set", table + ".kind=remote", "--set", cat(table, ".remote.url=http://127.0.0.1:", port_)};
  }
  const json& last() const { return last_; }

 private:
  httplib::Server server_;
  json last_;
  int port_ = 0;
  std::thread thread_;
};

Ran evaluate(const Micro& micro, std::vector<std::string> more) {
  more.insert(more.begin(), {"eval", micro.recipe().string()});
  return gamut(more);
}

std::vector<std::string> plus(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(failed_scores, a_picture_without_a_reward_is_left_out_of_the_means) {
  const Micro micro;
  for (const char* none : {"null", "NaN", "-Infinity"}) {
    const Server server(none, "0.5");
    const Ran ran = evaluate(micro, plus(server.sets("reward"), {"--json"}));
    ASSERT_EQ(ran.code, 0) << ran.err;
    const json row = json::parse(ran.out);
    EXPECT_EQ(row["reward"], 0.5);
    EXPECT_EQ(row["reward_failures"], 1);
    EXPECT_TRUE(row["reward_failure"].get<std::string>().starts_with("the server gave none"))
        << row["reward_failure"];
    EXPECT_EQ(row["judge_failures"], 0);
    EXPECT_TRUE(row["judge_failure"].is_null());
    const Ran table = evaluate(micro, server.sets("reward"));
    EXPECT_NE(table.out.find("reward (mean)                    0.500\n"), std::string::npos) << table.out;
    EXPECT_NE(table.out.find(
                  "(value: the reward could not score 1 of 6 pictures; first reason: the server gave none"),
              std::string::npos)
        << table.out;
  }
}

TEST(failed_scores, no_score_at_all_is_a_dash_and_ends_the_command) {
  const Micro micro;
  const Server server("null", "null");
  const Ran table = evaluate(micro, server.sets("judge"));
  EXPECT_EQ(table.code, 5);
  EXPECT_NE(table.out.find("judge (mean)                         -\n"), std::string::npos) << table.out;
  EXPECT_EQ(table.err,
            "error: [eval] the judge could not score 6 of 6 pictures; first reason: the server gave none\n");
  const Ran ran = evaluate(micro, plus(server.sets("judge"), {"--json"}));
  EXPECT_EQ(ran.code, 5);
  const json row = json::parse(ran.out);
  EXPECT_TRUE(row["judge"].is_null());
  EXPECT_FALSE(row.contains("judge_exact"));  // a server says nothing about reading
  EXPECT_EQ(row["judge_failures"], 6);
  EXPECT_GT(row["reward"].get<double>(), 0);
}

TEST(failed_scores, training_counts_them_and_stops_when_there_are_no_others) {
  const Micro micro;
  const Server some("null", "0.5"), none("NaN", "NaN");
  const Ran ran = gamut(micro.train("run", plus(some.sets("reward"), {"--quiet"})));
  ASSERT_EQ(ran.code, 0) << ran.err;
  for (const json& row : io::read_json_lines(micro / "run/metrics.jsonl")) {
    EXPECT_EQ(row.at("reward_failures"), 1);
    EXPECT_EQ(row.at("reward_mean"), 0.5);
  }
  EXPECT_EQ(io::read_json_lines(micro / "run/evals.jsonl").front().at("reward_failure"),
            "the server gave none");
  EXPECT_NE(ran.err.find("the reward could not score 1 of 6 pictures"), std::string::npos) << ran.err;

  const Ran strict = gamut(
      micro.train("strict", plus(some.sets("reward"), {"--quiet", "--set", "guard.on_reward_failure=stop"})));
  EXPECT_EQ(strict.code, 5);
  EXPECT_NE(
      strict.err.find(
          "error: [reward] the reward 'remote' failed for 1 of 8 pictures in iteration 1; first reason: "
          "the server gave none\n"),
      std::string::npos)
      << strict.err;

  const Ran stopped = gamut(micro.train("stopped", plus(none.sets("reward"), {"--quiet"})));
  EXPECT_EQ(stopped.code, 5);
  EXPECT_NE(stopped.err.find("error: [reward] the reward could not score 6 of 6 pictures"), std::string::npos)
      << stopped.err;
}

TEST(failed_scores, a_judge_without_a_score_leaves_dashes_everywhere) {
  const Micro micro;
  const Server none("null", "null");
  const Ran ran = gamut(micro.train("run", none.sets("judge")));
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.err.find(", judge -, feature distance"), std::string::npos) << ran.err;
  EXPECT_NE(ran.out.find("judge (mean)                         -           -           -\n"),
            std::string::npos)
      << ran.out;
  for (const json& row : io::read_json_lines(micro / "run/evals.jsonl")) {
    EXPECT_TRUE(row.at("judge").is_null());
    EXPECT_EQ(row.at("judge_failures"), 6);
  }
  const Ran compared = gamut({"compare", (micro / "run").string(), "--out", (micro / "sheet.png").string()});
  ASSERT_EQ(compared.code, 0) << compared.err;
  EXPECT_NE(compared.out.find("judge (mean)                         -           -"), std::string::npos)
      << compared.out;
  const Ran page = gamut({"report", (micro / "run").string(), "-o", (micro / "page.html").string()});
  ASSERT_EQ(page.code, 0) << page.err;
  EXPECT_NE(read_file(micro / "page.html")
                .find("the judge could not score 6 of 6 pictures; first reason: the server gave none"),
            std::string::npos);
}

// The zeros that earlier versions wrote for such pictures are no zeros either.
TEST(failed_scores, rows_of_earlier_versions_are_read_as_what_they_were) {
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("run", {"--quiet"})).code, 0);
  std::string rows;
  for (json& row : io::read_json_lines(micro / "run/evals.jsonl")) {
    row.erase("judge_failure");
    row.update({{"judge", 0.0}, {"judge_exact", 0.0}, {"judge_failures", 6}});
    rows += row.dump() + "\n";
  }
  write_raw(micro / "run/evals.jsonl", rows);
  const Ran compared = gamut({"compare", (micro / "run").string(), "--out", (micro / "sheet.png").string()});
  ASSERT_EQ(compared.code, 0) << compared.err;
  EXPECT_NE(compared.out.find("judge (mean)                         -           -"), std::string::npos)
      << compared.out;
}

TEST(failed_scores, prompts_that_lack_a_target_are_refused_before_anything_is_drawn) {
  const Micro micro;
  write_raw(micro / "plain.txt", "the digit 7\nthe digit 3\n");
  const std::string file = (micro / "plain.txt").string();
  const auto message = [&](const std::string& key, const std::string& name) {
    return cat("error: [prompts] '", file, "' line 1: the ", key, " '", name,
               "' cannot score pictures of 'the digit 7': prompt without a target; a prompt names its target "
               "in double "
               "quotes, or in a .jsonl file as \"target\"; or choose another ",
               key, ".kind\n");
  };
  const Ran ran = evaluate(micro, {"--set", "eval.prompts=" + file});
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, message("reward", "reader"));
  const Ran judged = evaluate(micro, {"--set", "eval.prompts=" + file, "--set", "reward.kind=colorfulness"});
  EXPECT_EQ(judged.err, message("judge", "reader"));
  const Ran heldout = evaluate(micro, {"--set", "eval.heldout=" + file});
  EXPECT_EQ(heldout.err, message("reward", "reader"));
  // Training refuses the set that it evaluates on, and the one that it trains on.
  for (const char* key : {"eval.prompts=", "rollout.prompts=", "eval.heldout="}) {
    const Ran trained = gamut(micro.train("run", {"--quiet", "--set", key + file}));
    EXPECT_EQ(trained.code, 3);
    EXPECT_EQ(trained.err, message("reward", "reader")) << key;
    EXPECT_FALSE(fs::exists(micro / "run"));
  }
}

// The rewards that GARDO's gate compares with are rewards too.
TEST(failed_scores, the_gates_rewards_need_their_targets_as_well) {
  const Micro micro;
  write_raw(micro / "plain.txt", "the digit 7\nthe digit 3\nthe digit 4\n");
  const std::string file = (micro / "plain.txt").string();
  const Ran ran =
      gamut(micro.train("run", {"--quiet", "--set", "algorithm=gardo", "--set", "rollout.prompts=" + file,
                                "--set", "reward.kind=colorfulness", "--set", "judge.kind=colorfulness",
                                "--set", "regularizer.gate_rewards=[\"reader\"]"}));
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find(
                "line 1: the gate 'reader' cannot score pictures of 'the digit 7': prompt without a target"),
            std::string::npos)
      << ran.err;
  EXPECT_NE(ran.err.find("or choose another regularizer.gate_rewards\n"), std::string::npos) << ran.err;
  EXPECT_FALSE(fs::exists(micro / "run"));
}

TEST(failed_scores, curly_quotes_name_a_target) {
  const Micro micro;
  write_raw(micro / "curly.txt", "a sign that says “7”\na sign that says „K“\n");
  const Ran ran = evaluate(micro, {"--set", cat("eval.prompts=", (micro / "curly.txt").string())});
  EXPECT_EQ(ran.code, 0) << ran.err;
}

// What gamut does not know reaches the server beside the prompt that it belongs to.
TEST(failed_scores, what_a_prompt_says_beside_its_text_reaches_the_server) {
  const Micro micro;
  const Server server("1", "0.5");
  write_raw(
      micro / "geneval.jsonl",
      "{\"tag\": \"counting\", \"include\": [{\"class\": \"cup\", \"count\": 2}], \"prompt\": \"two cups\"}\n"
      "{\"tag\": \"color\", \"prompt\": \"a kite\", \"attributes\": {\"size\": 3, \"hue\": \"red\"}}\n");
  const Ran ran = evaluate(micro, plus(plus(server.sets("reward"), server.sets("judge")),
                                       {"--set", cat("eval.prompts=", (micro / "geneval.jsonl").string())}));
  ASSERT_EQ(ran.code, 0) << ran.err;
  const json& asked = server.last();
  EXPECT_EQ(asked["kwargs"]["metadata"][0],
            (json{{"tag", "counting"}, {"include", json::array({{{"class", "cup"}, {"count", 2}}})}}));
  EXPECT_EQ(asked["kwargs"]["metadata"][3], (json{{"tag", "color"}}));
  EXPECT_EQ(asked["kwargs"]["attributes"][3], (json{{"size", 3}, {"hue", "red"}}));
}

}  // namespace failed_scores_test
}  // namespace gamut::testing
