// SPDX-License-Identifier: Apache-2.0
// What travels between gamut and a reward server: JSON, pictures as lossless PNG in base64.
//
//   POST /compute  {"prompt": ["a cat"], "image": ["iVBORw0…"],
//                   "kwargs": {"target": [""], "attributes": [{}], "metadata": [{}]}}
//              ->  {"rewards": [0.7]}   or   {"error": "why"}
//   null or NaN in place of a number: a picture that it cannot score
#pragma once

#include "gamut/io/image.h"
#include "gamut/rewards/remote_config.h"
#include "gamut/text/prompt_set.h"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace gamut::rewards {

// One image per prompt. The names of the three fields are RemoteConfig::fields_named.
std::string reward_request(std::span<const io::Image> images, std::span<const text::Prompt> prompts,
                           const std::string& fields_named);

// A reply as it came, or what is wrong with it in one line. may_retry: the server said that it failed this
// time.
struct RewardReply {
  std::vector<double> rewards = {};       // NaN where failed
  std::vector<std::string> failure = {};  // "" = scored; else why not
  std::string problem = "";               // "" = both hold `expected` entries
  bool may_retry = false;
};
RewardReply parse_reward_reply(const std::string& body, size_t expected);

// Of text that a stranger sent: its start, without control characters, in quotes.
std::string quoted_start(const std::string& text);

}  // namespace gamut::rewards
