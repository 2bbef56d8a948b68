// SPDX-License-Identifier: Apache-2.0
// What all runs of one table must share, so that only the methods differ (docs/protocol.md).
#pragma once

#include "gamut/core/config.h"

#include <string>
#include <vector>

namespace gamut::run {

// Model, training's prompts and iterations, evaluation, reward and judge, each as "key = value", separated by
// "; "; of paths the last two names.
std::string protocol_of(const Resolved& recipe);
// In the same form every setting that is not its default, but for the seed and for where and how it is
// computed (device, comm.timeout): what makes two runs seeds of one method.
std::string method_settings(const Resolved& recipe);
// What differs between two of either, "iterations (160 and 80), …"; "" = nothing.
std::string differing(const std::string& one, const std::string& two);

struct RunProtocol {
  std::string origin;    // names the run in messages
  std::string protocol;  // "" = none on record
};
// ConfigError when two differ, naming what does, or when one alone has none.
void check_one_protocol(const std::string& where, const std::vector<RunProtocol>& runs);

}  // namespace gamut::run
