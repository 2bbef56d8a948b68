// SPDX-License-Identifier: Apache-2.0
// A reward server on the loopback interface, in this process: honest, dead, slow and lying.
#include "gamut/rewards/remote.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <cmath>
#include <future>
#include <limits>
#include <thread>

namespace gamut::rewards {
namespace remote_test {

using nlohmann::json;
using testing::message_of;

class Server {
 public:
  using Handler = httplib::Server::Handler;
  explicit Server(Handler compute, const std::string& health = "{\"status\": \"ok\"}",
                  const std::string& prefix = "") {
    server_.Get(prefix + "/health", [health](const httplib::Request&, httplib::Response& response) {
      response.set_content(health, "application/json");
    });
    server_.Post(prefix + "/compute",
                 [this, compute](const httplib::Request& request, httplib::Response& response) {
                   ++requests;
                   compute(request, response);
                 });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Server() {
    server_.stop();
    thread_.join();
  }
  std::string url() const { return cat("http://127.0.0.1:", port_); }
  RemoteConfig config() const {
    return {.url = url(), .batch = 2, .timeout_s = 20, .retries = 2, .backoff_s = 0, .max_reply_kb = 64};
  }
  std::atomic<int> requests = 0;

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

Server::Handler answer(const std::string& body, int status = 200,
                       const std::string& type = "application/json") {
  return [=](const httplib::Request&, httplib::Response& response) {
    response.status = status;
    response.set_content(body, type);
  };
}

// Gives each prompt's length.
void honest(const httplib::Request& request, httplib::Response& response) {
  const json asked = json::parse(request.body);
  json rewards = json::array();
  for (const auto& prompt : asked["prompt"]) rewards.push_back(prompt.get<std::string>().size());
  response.set_content(json{{"rewards", rewards}}.dump(), "application/json");
}

std::vector<text::Prompt> prompts(size_t count) {
  std::vector<text::Prompt> out;
  for (size_t i = 0; i < count; ++i) out.push_back({std::string(i + 1, 'x'), "", {}});
  return out;
}

Scores ask(const RemoteConfig& config, size_t count = 2) {
  return make_remote(config)->score(at::rand({int64_t(count), 3, 4, 4}), prompts(count));
}

// The message after "server 'URL', POST /compute: ".
template <class E>
std::string complaint(const Server& server) {
  const std::string text = message_of<E>([&] { ask(server.config()); });
  const std::string opening = cat("[reward] server '", server.url(), "', POST /compute: ");
  EXPECT_TRUE(text.starts_with(opening)) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
  return text.substr(std::min(text.size(), opening.size()));
}

TEST(remote, scores_in_requests_of_the_batch_size) {
  const Server server(honest);
  const Scores scores = ask(server.config(), 5);
  EXPECT_EQ(scores.value, (std::vector<double>{1, 2, 3, 4, 5}));
  EXPECT_EQ(scores.num_failed(), 0);
  EXPECT_EQ(server.requests, 3);
}

TEST(remote, a_picture_that_is_not_finite_is_not_sent) {
  const Server server(honest);
  at::Tensor pictures = at::rand({3, 3, 4, 4});
  pictures[1][0][0][0] = std::numeric_limits<float>::infinity();
  const Scores scores = make_remote(server.config())->score(pictures, prompts(3));
  EXPECT_EQ(scores.failure, (std::vector<std::string>{"", "non-finite picture", ""}));
  EXPECT_EQ(scores.value[0], 1);
  EXPECT_TRUE(std::isnan(scores.value[1]));
  EXPECT_EQ(scores.value[2], 3);
}

TEST(remote, the_url_may_have_a_path) {
  const Server server(honest, "{\"status\": \"ok\"}", "/judge");
  RemoteConfig config = server.config();
  config.url += "/judge/";
  EXPECT_EQ(ask(config).value, (std::vector<double>{1, 2}));
}

TEST(remote, a_server_that_stumbles_is_asked_again) {
  std::atomic<int> calls = 0;
  const Server server([&](const httplib::Request& request, httplib::Response& response) {
    ++calls;
    if (calls == 1) return answer("busy", 503)(request, response);
    if (calls == 2) return answer("{\"error\": \"out of memory\"}")(request, response);
    honest(request, response);
  });
  EXPECT_EQ(ask(server.config()).value, (std::vector<double>{1, 2}));
  EXPECT_EQ(calls, 3);
}

TEST(remote, of_several_servers_another_stands_in_for_one_that_is_away) {
  const Server busy(answer("busy", 503)), good(honest), other(honest);
  RemoteConfig config = busy.config();
  config.url = cat("http://127.0.0.1:1 ", busy.url(), "  ", good.url(), " ", other.url());
  const auto reward = make_remote(config, 0);
  EXPECT_EQ(reward->score(at::rand({4, 3, 4, 4}), prompts(4)).value, (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(busy.requests, 1) << "asked once, after the one that is not there";
  EXPECT_EQ(good.requests, 2) << "and then the one that answered";
  EXPECT_EQ(other.requests, 0);
  make_remote(config, 7)->score(at::rand({1, 3, 4, 4}), prompts(1));
  EXPECT_EQ(other.requests, 1) << "each process begins with its own";
  config.url = cat(busy.url(), " ", busy.url());
  const int before = busy.requests;
  EXPECT_THROW(make_remote(config, 0)->score(at::rand({1, 3, 4, 4}), prompts(1)), EnvironmentError);
  EXPECT_EQ(busy.requests - before, 6) << "three tries of each";
}

TEST(remote, a_server_that_keeps_failing_is_an_error_and_no_zero) {
  const Server broken(answer("{\"error\": \"out of memory\"}"));
  EXPECT_EQ(complaint<EnvironmentError>(broken),
            "the server says '\"out of memory\"'; gave up after 3 tries");
  EXPECT_EQ(broken.requests, 3);
  const Server busy(answer("<h1>Bad gateway</h1>", 502, "text/html"));
  EXPECT_EQ(complaint<EnvironmentError>(busy),
            "HTTP status 502 with '<h1>Bad gateway</h1>'; gave up after 3 tries; is the server running, and "
            "reward.remote.timeout_s long enough?");
}

TEST(remote, a_reply_that_breaks_the_protocol_is_refused_at_once) {
  const std::string hint = "; docs/rewards.md describes the protocol";
  const Server html(answer("<html>login</html>", 200, "text/html"));
  EXPECT_EQ(complaint<DataError>(html), "the reply must be JSON; got '<html>login</html>'" + hint);
  EXPECT_EQ(html.requests, 1);
  const Server count(answer("{\"rewards\": [0.5]}"));
  EXPECT_EQ(complaint<DataError>(count),
            "'rewards' must hold one number per picture; got 1; expected 2" + hint);
  const Server missing(answer("no such page", 404));
  EXPECT_EQ(complaint<DataError>(missing), "HTTP status 404 with 'no such page'" + hint);
}

TEST(remote, ten_megabytes_of_garbage_are_not_read) {
  const Server server(answer(std::string(10 << 20, '7')));
  EXPECT_EQ(complaint<DataError>(server),
            "the server sent a reply of more than 64 kB; docs/rewards.md describes the protocol");
}

// A server that answers only when the test is over, and one that drips a byte now and then for ever.
TEST(remote, a_slow_server_is_given_up) {
  std::promise<void> over;
  const std::shared_future<void> done = over.get_future().share();
  const Server mute([&](const httplib::Request&, httplib::Response&) { done.wait(); });
  const Server drip([&](const httplib::Request&, httplib::Response& response) {
    response.set_chunked_content_provider("application/json", [&](size_t, httplib::DataSink& sink) {
      done.wait_for(std::chrono::milliseconds(20));
      return done.wait_for(std::chrono::seconds(0)) != std::future_status::ready && sink.write(" ", 1);
    });
  });
  for (const Server* server : {&mute, &drip}) {
    RemoteConfig config = server->config();
    config.timeout_s = 0.3;
    config.retries = 1;
    EXPECT_EQ(message_of<EnvironmentError>([&] { ask(config); }),
              cat("[reward] server '", server->url(),
                  "', POST /compute: no whole reply within 0.3 s; gave up after 2 "
                  "tries; is the server running, and reward.remote.timeout_s long enough?"));
  }
  over.set_value();
}

TEST(remote, a_dead_server_is_found_before_the_run) {
  std::string url;
  {
    const Server server(honest);
    url = server.url();
  }
  const RemoteConfig config{.url = url, .retries = 1, .backoff_s = 0};
  EXPECT_EQ(message_of<EnvironmentError>([&] { make_remote(config); }),
            cat("[reward] server '", url,
                "', GET /health: connection refused; gave up after 2 tries; is the server "
                "running, and reward.remote.timeout_s long enough?"));
}

TEST(remote, a_server_that_is_not_well_is_found_before_the_run) {
  for (const char* health : {"<html>", "{\"status\": \"loading\"}", "[]", "{\"status\": 3}"}) {
    const Server server(honest, health);
    EXPECT_EQ(message_of<DataError>([&] { make_remote(server.config()); }),
              cat("[reward] server '", server.url(),
                  "', GET /health: the reply must be {\"status\": \"ok\"}; got '", health,
                  "'; docs/rewards.md describes the protocol"));
  }
}

TEST(remote, urls_are_checked) {
  for (const char* url : {"127.0.0.1:8000", "ftp://x", "http://", "http:///compute", "http://user@host"})
    EXPECT_EQ(message_of<ConfigError>([&] { make_remote({.url = url}); }),
              cat("[reward] remote.url must be http://host:port or https://host:port; got '", url, "'"));
  // Of several, the wrong one is named.
  EXPECT_EQ(message_of<ConfigError>([] { make_remote({.url = "http://a b"}); }),
            "[reward] remote.url must be http://host:port or https://host:port; got 'b'");
}

}  // namespace remote_test
}  // namespace gamut::rewards
