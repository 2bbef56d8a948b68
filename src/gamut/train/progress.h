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
  // "step 120/20000, 8.1 steps/s, 41 min 3 s left". The rate is that since the first line, so that what is
  // done once before the first step does not count for the rest; the first line has that up to itself.
  std::string line(int64_t step) { return line(step, watch_.seconds()); }
  std::string line(int64_t step, double seconds);  // `seconds`: since the start

 private:
  int64_t first_, total_;
  double first_seconds_ = 0;
  bool shown_ = false;
  Stopwatch watch_;
};

}  // namespace gamut::train
