// SPDX-License-Identifier: Apache-2.0
// Rate and remaining time of a long computation.
#pragma once

#include "gamut/core/clock.h"

#include <cstdint>
#include <string>

namespace gamut::train {

class Progress {
 public:
  Progress(int64_t first_step, int64_t total) : first_(first_step), total_(total) {}
  // "step 120/20000, 8.1 steps/s, 41 min 3 s left"
  std::string line(int64_t step) const;

 private:
  int64_t first_, total_;
  Stopwatch watch_;
};

}  // namespace gamut::train
