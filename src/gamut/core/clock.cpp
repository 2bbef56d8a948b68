// SPDX-License-Identifier: Apache-2.0
#include "gamut/core/clock.h"

#include "gamut/core/error.h"

#include <cmath>
#include <cstdint>

namespace gamut {

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e12) return "unknown";
  if (seconds < 0.9995) return cat(std::lround(seconds * 1000), " ms");
  if (seconds < 9.95) {
    const long tenths = std::lround(seconds * 10);
    return cat(tenths / 10, ".", tenths % 10, " s");
  }
  const int64_t whole = std::llround(seconds);
  if (whole < 60) return cat(whole, " s");
  if (whole < 3600) return cat(whole / 60, " min ", whole % 60, " s");
  const int64_t minutes = whole / 60;
  constexpr int64_t kDay = int64_t{24} * 60;
  if (minutes < kDay) return cat(minutes / 60, " h ", minutes % 60, " min");
  return cat(minutes / kDay, " d ", minutes / 60 % 24, " h");
}

}  // namespace gamut
