// SPDX-License-Identifier: Apache-2.0
// The reward `remote`: a server of the user's own judges, over the protocol in reward_protocol.h.
#pragma once

#include "gamut/rewards/remote_config.h"
#include "gamut/rewards/reward.h"

#include <memory>

namespace gamut::rewards {

// Asks GET /health first: 200 and a JSON object whose "status" is "ok". `exact` is always 0. A picture that
// is not finite fails by itself and is not sent. A server that is away, too slow, or reports an error (HTTP
// 5xx, 429,
// {"error": …}) is asked again config.retries times, then EnvironmentError; a reply that breaks the protocol
// (count, NaN, no JSON, too large, other HTTP status) is a DataError at once. No score is ever made up.
// Of several servers the process asks one, and the next one instead of asking the same again; it stays with
// the one that answers. `first`: the server to begin with, counted around; left out, the process's rank in
// its group.
std::unique_ptr<Reward> make_remote(const RemoteConfig& config, int64_t first);
std::unique_ptr<Reward> make_remote(const RemoteConfig& config);

}  // namespace gamut::rewards
