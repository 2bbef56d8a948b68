// SPDX-License-Identifier: Apache-2.0
// [reward.remote] of a recipe: the server that judges, and how patiently it is asked.
#pragma once

#include "gamut/core/config.h"

#include <cstdint>
#include <string>

namespace gamut::rewards {

struct RemoteConfig {
  std::string url = "";  // "http://127.0.0.1:8000"; paths are put behind it; several: separated by spaces
  std::string fields_named = "singular";  // singular: prompt, image, kwargs | plural: prompts, images, extra
  int64_t batch = 16;                     // pictures per request
  double timeout_s = 60;                  // of one request as a whole
  int64_t retries = 3;                    // further tries after the first
  double backoff_s = 1;                   // before the first retry; doubles with each
  int64_t max_reply_kb = 1024;
  void fields(FieldVisitor& v);
};

}  // namespace gamut::rewards
