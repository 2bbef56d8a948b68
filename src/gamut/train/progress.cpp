// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/progress.h"

#include "gamut/core/error.h"

#include <cstdio>

namespace gamut::train {

std::string Progress::line(int64_t step, double seconds) {
  const double taken = seconds - first_seconds_;
  const double rate = double(step - first_) / (taken > 0 ? taken : 1);
  if (!shown_) {
    first_ = step;
    first_seconds_ = seconds;
    shown_ = true;
  }
  char speed[32];
  if (rate >= 1)
    std::snprintf(speed, sizeof speed, "%.1f steps/s", rate);
  else
    std::snprintf(speed, sizeof speed, "%.2f s/step", rate > 0 ? 1 / rate : 0.0);
  const double left = rate > 0 ? double(total_ - step) / rate : 0;
  return cat("step ", step, "/", total_, ", ", speed, ", ", format_duration(left), " left");
}

}  // namespace gamut::train
