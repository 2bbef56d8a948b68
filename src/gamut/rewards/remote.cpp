// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/remote.h"

#include "gamut/comm/place.h"
#include "gamut/core/error.h"
#include "gamut/core/log.h"
#include "gamut/io/files.h"
#include "gamut/nn/images.h"
#include "gamut/rewards/http_client.h"
#include "gamut/rewards/pictures.h"
#include "gamut/rewards/reward_protocol.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cmath>
#include <sstream>
#include <thread>

namespace gamut::rewards {
namespace {

constexpr const char* kHealth = "GET /health";
constexpr const char* kCompute = "POST /compute";
constexpr double kLongestWait_s = 60;

// What one try gave: rewards, or what went wrong and whether another try may help.
struct Try {
  RewardReply reply;
  bool is_away = false;  // nothing usable came at all
};

bool is_ok(const std::string& body) {
  try {
    const nlohmann::json health = io::parse_json(body, "health");
    return health.is_object() && health.value("status", "") == "ok";
  } catch (const std::exception&) {  // a DataError, or a status that is no text
    return false;
  }
}

// A reply of status 200 remains empty here; everything else is described.
Try check_transport(const HttpReply& http) {
  if (http.too_large) return {{.problem = cat("the server sent ", http.failure)}};
  if (!http.failure.empty()) return {{.problem = http.failure, .may_retry = true}, true};
  if (http.status == 200) return {};
  const bool may_pass = http.status >= 500 || http.status == 429;
  return {
      {.problem = cat("HTTP status ", http.status, " with ", quoted_start(http.body)), .may_retry = may_pass},
      may_pass};
}

// One per address; the addresses are separated by spaces.
std::vector<std::pair<std::string, HttpClient>> servers_of(const std::string& urls) {
  std::vector<std::pair<std::string, HttpClient>> servers;
  std::istringstream in(urls);
  for (std::string url; in >> url;) servers.emplace_back(url, HttpClient(url));
  if (servers.empty()) servers.emplace_back(urls, HttpClient(urls));  // says what is wrong with it
  return servers;
}

class Remote : public Reward {
 public:
  Remote(const RemoteConfig& config, int64_t first)
      : config_(config), servers_(servers_of(config.url)), current_(size_t(first) % servers_.size()) {
    persist(kHealth, [&](const HttpClient& client) {
      const HttpReply http = client.get("/health", limits());
      Try one = check_transport(http);
      if (one.reply.problem.empty() && !is_ok(http.body))
        one.reply.problem = cat("the reply must be {\"status\": \"ok\"}; got ", quoted_start(http.body));
      return one;
    });
  }

  std::string name() const override { return "remote"; }
  bool waits_elsewhere() const override { return true; }

  Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    Scores scores = start_scores(pictures, prompts);
    std::vector<size_t> rows;
    for (size_t i = 0; i < prompts.size(); ++i)
      if (scores.failure[i].empty()) rows.push_back(i);
    for (size_t begin = 0; begin < rows.size(); begin += size_t(config_.batch)) {
      const size_t count = std::min(size_t(config_.batch), rows.size() - begin);
      ask(pictures, prompts, std::span(rows).subspan(begin, count), scores);
    }
    return scores;
  }

 private:
  HttpLimits limits() const {
    return {.timeout_s = config_.timeout_s, .max_bytes = size_t(config_.max_reply_kb) * 1024};
  }

  void ask(const at::Tensor& pictures, std::span<const text::Prompt> prompts, std::span<const size_t> rows,
           Scores& scores) {
    std::vector<io::Image> images;
    std::vector<text::Prompt> asked;
    for (const size_t row : rows) {
      const at::Tensor one = pictures.narrow(0, int64_t(row), 1).detach().to(at::kCPU, at::kFloat);
      images.push_back(nn::tensor_to_images(one).front());
      asked.push_back(prompts[row]);
    }
    const std::string body = reward_request(images, asked, config_.fields_named);
    const RewardReply reply = persist(kCompute, [&](const HttpClient& client) {
      const HttpReply http = client.post_json("/compute", body, limits());
      Try one = check_transport(http);
      if (one.reply.problem.empty()) one.reply = parse_reward_reply(http.body, rows.size());
      return one;
    });
    for (size_t i = 0; i < rows.size(); ++i) {
      scores.value[rows[i]] = reply.rewards[i];
      if (!reply.failure[i].empty()) fail(scores, int64_t(rows[i]), reply.failure[i]);
    }
  }

  // Until it works, or another try would not help, or the tries are used up. The next try is the next
  // server's, which is asked from then on; only a round without success is followed by a pause.
  template <class TryOnce>
  RewardReply persist(const char* request, const TryOnce& try_once) {
    const int64_t count = int64_t(servers_.size());
    for (int64_t tries = 1;; ++tries) {
      const auto& [url, client] = servers_[current_];
      Try one = try_once(client);
      if (one.reply.problem.empty()) return std::move(one.reply);
      const std::string what = cat("server '", url, "', ", request, ": ", one.reply.problem);
      if (!one.reply.may_retry)
        throw DataError("reward", cat(what, "; docs/rewards.md describes the protocol"));
      if (tries >= (config_.retries + 1) * count)
        throw EnvironmentError(
            "reward",
            cat(what, "; gave up after ", tries, tries == 1 ? " try" : " tries",
                one.is_away ? "; is the server running, and reward.remote.timeout_s long enough?" : ""));
      current_ = size_t(int64_t(current_) + 1) % servers_.size();
      log_warning(cat(what, "; trying ", count > 1 ? cat("'", servers_[current_].first, "'") : "again"));
      if (tries % count == 0) wait(tries / count);
    }
  }

  void wait(int64_t tries) const {
    const double seconds = std::min(kLongestWait_s, config_.backoff_s * std::pow(2.0, double(tries - 1)));
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  }

  RemoteConfig config_;
  std::vector<std::pair<std::string, HttpClient>> servers_;
  size_t current_;
};

}  // namespace

std::unique_ptr<Reward> make_remote(const RemoteConfig& config, int64_t first) {
  return std::make_unique<Remote>(config, first);
}

// Of the servers each process of a group begins with another.
std::unique_ptr<Reward> make_remote(const RemoteConfig& config) {
  return make_remote(config, comm::place().rank);
}

}  // namespace gamut::rewards
