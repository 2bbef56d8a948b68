// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/reward_protocol.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/io/base64.h"
#include "gamut/io/files.h"
#include "gamut/io/python_json.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

namespace gamut::rewards {
namespace {

using nlohmann::json;

RewardReply problem(std::string text, bool may_retry = false) {
  return {.problem = std::move(text), .may_retry = may_retry};
}

// What stands for a number that JSON has not: a string that no server sends, so that the reply can be read
// and the picture named.
constexpr std::string_view kNotFinite = "\x01gamut:";

std::string quoted_word(std::string_view word) { return cat("\"\\u0001gamut:", word, "\""); }

// "" = a finite number; else why the picture has no reward, if that is a thing a server may say.
std::optional<std::string> why_none(const json& value) {
  if (value.is_null()) return "the server gave none";
  if (value.is_number()) return std::isfinite(value.get<double>()) ? "" : "the server gave none (not finite)";
  if (value.is_string() && value.get<std::string>().starts_with(kNotFinite))
    return cat("the server gave none (", value.get<std::string>().substr(kNotFinite.size()), ")");
  return std::nullopt;
}

RewardReply read_rewards(const json& values, size_t expected) {
  if (!values.is_array()) return problem(cat("'rewards' must be a list; got ", quoted_start(values.dump())));
  if (values.size() != expected)
    return problem(
        cat("'rewards' must hold one number per picture; got ", values.size(), "; expected ", expected));
  RewardReply reply;
  for (size_t i = 0; i < expected; ++i) {
    const std::optional<std::string> why = why_none(values[i]);
    if (!why)
      return problem(cat("every reward must be a number, or null where there is none; got ",
                         quoted_start(values[i].dump()), " for picture ", i + 1, " of ", expected));
    reply.rewards.push_back(why->empty() ? values[i].get<double>()
                                         : std::numeric_limits<double>::quiet_NaN());
    reply.failure.push_back(*why);
  }
  return reply;
}

// What is known of a prompt beside its text: attributes as they stood in the file, and everything else.
std::pair<json, json> known_of(const text::Prompt& prompt) {
  json metadata = prompt.metadata.empty() ? json::object() : json::parse(prompt.metadata);
  json attributes = prompt.attributes;
  if (metadata.contains("attributes")) {
    attributes = metadata["attributes"];
    metadata.erase("attributes");
  }
  return {std::move(attributes), std::move(metadata)};
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
  json texts = json::array(), pictures = json::array(), targets = json::array(), attributes = json::array(),
       metadata = json::array();
  for (size_t i = 0; i < prompts.size(); ++i) {
    texts.push_back(prompts[i].text);
    pictures.push_back(io::base64(io::encode_png(images[i])));
    targets.push_back(prompts[i].target);
    auto [named, rest] = known_of(prompts[i]);
    attributes.push_back(std::move(named));
    metadata.push_back(std::move(rest));
  }
  const bool plural = fields_named == "plural";
  const json request{{plural ? "prompts" : "prompt", texts},
                     {plural ? "images" : "image", pictures},
                     {plural ? "extra" : "kwargs",
                      {{"target", targets}, {"attributes", attributes}, {"metadata", metadata}}}};
  return request.dump(-1, ' ', false, json::error_handler_t::replace);
}

RewardReply parse_reward_reply(const std::string& body, size_t expected) {
  json reply;
  try {
    reply = io::parse_json(io::with_python_numbers(body, quoted_word), "reply");
  } catch (const DataError&) {
    return problem(cat("the reply must be JSON; got ", quoted_start(body)));
  }
  if (!reply.is_object()) return problem(cat("the reply must be a JSON object; got ", quoted_start(body)));
  if (reply.contains("error") && !reply["error"].is_null())
    return problem(cat("the server says ", quoted_start(reply["error"].dump())), /*may_retry=*/true);
  if (!reply.contains("rewards"))
    return problem(cat("the reply must hold 'rewards'; got ", quoted_start(body)));
  return read_rewards(reply["rewards"], expected);
}

}  // namespace gamut::rewards
