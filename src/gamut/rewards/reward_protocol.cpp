// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/reward_protocol.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/base64.h"
#include "gamut/io/files.h"

#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::rewards {
namespace {

using nlohmann::json;

RewardReply problem(std::string text, bool may_retry = false) { return {{}, std::move(text), may_retry}; }

// Python's json module writes these words for numbers that JSON has not.
bool has_number_that_is_none(const std::string& body) {
  return body.find("NaN") != std::string::npos || body.find("Infinity") != std::string::npos;
}

RewardReply not_json(const std::string& body) {
  if (body.starts_with("{") && has_number_that_is_none(body))
    return problem(cat("every reward must be a finite number; got ", quoted_start(body)));
  return problem(cat("the reply must be JSON; got ", quoted_start(body)));
}

RewardReply read_rewards(const json& values, size_t expected) {
  if (!values.is_array()) return problem(cat("'rewards' must be a list; got ", quoted_start(values.dump())));
  if (values.size() != expected)
    return problem(cat("'rewards' must hold one number per picture; got ", values.size(), "; expected ", expected));
  RewardReply reply;
  for (size_t i = 0; i < expected; ++i) {
    if (!values[i].is_number() || !std::isfinite(values[i].get<double>()))
      return problem(cat("every reward must be a finite number; got ", quoted_start(values[i].dump()), " for picture ",
                         i + 1, " of ", expected));
    reply.rewards.push_back(values[i].get<double>());
  }
  return reply;
}

}  // namespace

std::string quoted_start(const std::string& text) {
  constexpr size_t kShown = 60;
  // Bytes that are no ASCII are left out: a stranger's encoding is unknown.
  std::string start;
  for (const char c : text.substr(0, kShown)) start += uint8_t(c) < 0x80 ? c : '?';
  return cat("'", printable(start), text.size() > kShown ? "…" : "", "'");
}

std::string reward_request(std::span<const io::Image> images, std::span<const text::Prompt> prompts,
                           const std::string& fields_named) {
  GAMUT_CHECK(images.size() == prompts.size(), images.size(), " images and ", prompts.size(), " prompts");
  json texts = json::array(), pictures = json::array(), targets = json::array(), attributes = json::array();
  for (size_t i = 0; i < prompts.size(); ++i) {
    texts.push_back(prompts[i].text);
    pictures.push_back(io::base64(io::encode_png(images[i])));
    targets.push_back(prompts[i].target);
    attributes.push_back(json(prompts[i].attributes));
  }
  const bool plural = fields_named == "plural";
  const json request{{plural ? "prompts" : "prompt", texts},
                     {plural ? "images" : "image", pictures},
                     {plural ? "extra" : "kwargs", {{"target", targets}, {"attributes", attributes}}}};
  return request.dump(-1, ' ', false, json::error_handler_t::replace);
}

RewardReply parse_reward_reply(const std::string& body, size_t expected) {
  json reply;
  try {
    reply = io::parse_json(body, "reply");
  } catch (const DataError&) {
    return not_json(body);
  }
  if (!reply.is_object()) return problem(cat("the reply must be a JSON object; got ", quoted_start(body)));
  if (reply.contains("error") && !reply["error"].is_null())
    return problem(cat("the server says ", quoted_start(reply["error"].dump())), /*may_retry=*/true);
  if (!reply.contains("rewards")) return problem(cat("the reply must hold 'rewards'; got ", quoted_start(body)));
  return read_rewards(reply["rewards"], expected);
}

}  // namespace gamut::rewards
