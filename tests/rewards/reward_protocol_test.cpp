// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/reward_protocol.h"

#include "gamut/core/error.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::rewards {
namespace reward_protocol_test {

const std::vector<text::Prompt> kPrompts = {{"a \"red\" cat\xff", "red", {{"ink", "red"}}}};

TEST(reward_protocol, a_request_holds_prompts_pictures_and_what_is_known_of_them) {
  const std::vector<io::Image> images = {io::Image::filled(2, 1, 255, 0, 7)};
  const auto request = nlohmann::json::parse(reward_request(images, kPrompts, "singular"));
  EXPECT_EQ(request.size(), 3u);
  EXPECT_EQ(request["prompt"][0], "a \"red\" cat\xEF\xBF\xBD");  // bytes that are no UTF-8 are replaced
  EXPECT_TRUE(
      request["image"][0].get<std::string>().starts_with("iVBORw0KGgo"));  // base64 of PNG's signature
  EXPECT_EQ(request["kwargs"]["target"][0], "red");
  EXPECT_EQ(request["kwargs"]["attributes"][0]["ink"], "red");
}

TEST(reward_protocol, the_other_spelling_of_the_fields) {
  const std::vector<io::Image> images = {io::Image::filled(1, 1, 0, 0, 0)};
  const auto request = nlohmann::json::parse(reward_request(images, kPrompts, "plural"));
  EXPECT_TRUE(request.contains("prompts") && request.contains("images") && request.contains("extra"));
}

TEST(reward_protocol, reads_rewards) {
  const RewardReply reply = parse_reward_reply("{\"rewards\": [1, -2.5e1], \"more\": null}", 2);
  EXPECT_EQ(reply.problem, "");
  EXPECT_EQ(reply.rewards, (std::vector<double>{1, -25}));
}

TEST(reward_protocol, a_picture_may_have_no_reward) {
  const RewardReply reply =
      parse_reward_reply("{\"rewards\": [null, 2, NaN, Infinity,-Infinity], \"note\": \"NaN \\\" NaN\"}", 5);
  EXPECT_EQ(reply.problem, "");
  EXPECT_EQ(reply.failure, (std::vector<std::string>{"the server gave none", "", "the server gave none (NaN)",
                                                     "the server gave none (Infinity)",
                                                     "the server gave none (-Infinity)"}));
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(std::isnan(reply.rewards[i]), i != 1);
}

TEST(reward_protocol, what_a_prompt_carries_is_sent_as_it_stood) {
  const std::vector<text::Prompt> prompts = {
      {"two cups",
       "",
       {{"hue", "red"}},
       R"({"attributes": {"hue": "red", "size": 3}, "include": [{"class": "cup"}]})"}};
  const std::vector<io::Image> images = {io::Image::filled(1, 1, 0, 0, 0)};
  const auto kwargs = nlohmann::json::parse(reward_request(images, prompts, "singular"))["kwargs"];
  EXPECT_EQ(kwargs["attributes"][0].dump(), R"({"hue":"red","size":3})");
  EXPECT_EQ(kwargs["metadata"][0].dump(), R"({"include":[{"class":"cup"}]})");
}

std::string problem_of(const std::string& body) {
  const RewardReply reply = parse_reward_reply(body, 2);
  EXPECT_TRUE(reply.rewards.empty() || reply.problem.empty());
  return reply.problem;
}

TEST(reward_protocol, names_what_is_wrong_with_a_reply) {
  EXPECT_EQ(problem_of("<!DOCTYPE html>\n<html>"), "the reply must be JSON; got '<!DOCTYPE html>?<html>'");
  const std::string rule = "every reward must be a number, or null where there is none; got ";
  EXPECT_EQ(problem_of("{\"rewards\": [true, 1]}"), rule + "'true' for picture 1 of 2");
  EXPECT_EQ(problem_of("{\"rewards\": [1, \"1\"]}"), rule + "'\"1\"' for picture 2 of 2");
  EXPECT_EQ(problem_of("{\"rewards\": [[null], 1]}"), rule + "'[null]' for picture 1 of 2");
  EXPECT_EQ(problem_of("{\"rewards\": [Nan, 1]}"), "the reply must be JSON; got '{\"rewards\": [Nan, 1]}'");
  EXPECT_NE(problem_of("{\"rewards\": [1e999, 1]}"), "");
  EXPECT_EQ(problem_of("{\"rewards\": [1]}"),
            "'rewards' must hold one number per picture; got 1; expected 2");
  EXPECT_EQ(problem_of("{\"rewards\": 3}"), "'rewards' must be a list; got '3'");
  EXPECT_EQ(problem_of("[1, 2]"), "the reply must be a JSON object; got '[1, 2]'");
  EXPECT_EQ(problem_of("{}"), "the reply must hold 'rewards'; got '{}'");
  EXPECT_EQ(problem_of(""), "the reply must be JSON; got ''");
  EXPECT_NE(problem_of(std::string(100000, '[')), "");  // deep nesting is refused, not followed
}

TEST(reward_protocol, only_an_error_that_the_server_reports_is_worth_another_try) {
  const RewardReply reply = parse_reward_reply("{\"error\": \"CUDA out of memory\"}", 2);
  EXPECT_EQ(reply.problem, "the server says '\"CUDA out of memory\"'");
  EXPECT_TRUE(reply.may_retry);
  EXPECT_FALSE(parse_reward_reply("{\"rewards\": [1]}", 2).may_retry);
}

TEST(reward_protocol, a_strangers_text_is_short_and_plain) {
  EXPECT_EQ(quoted_start(std::string(100, 'x')), cat("'", std::string(60, 'x'), "…'"));
  EXPECT_EQ(quoted_start("\x1b[31m\xc3\xa9!"),
            "'?[31m?"
            "?!'");
}

}  // namespace reward_protocol_test
}  // namespace gamut::rewards
