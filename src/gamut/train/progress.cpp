// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/progress.h"

#include "gamut/core/error.h"

#include <cstdio>

namespace gamut::train {

std::string Progress::line(int64_t step) const {
  const double seconds = watch_.seconds();
  const double rate = double(step - first_) / (seconds > 0 ? seconds : 1);
  char speed[32];
  if (rate >= 1)
    std::snprintf(speed, sizeof speed, "%.1f steps/s", rate);
  else
    std::snprintf(speed, sizeof speed, "%.2f s/step", rate > 0 ? 1 / rate : 0.0);
  const double left = rate > 0 ? double(total_ - step) / rate : 0;
  return cat("step ", step, "/", total_, ", ", speed, ", ", format_duration(left), " left");
}

}  // namespace gamut::train
