// SPDX-License-Identifier: Apache-2.0
// Elapsed time for progress lines and metrics; never an input to results.
#pragma once

#include <chrono>
#include <string>

namespace gamut {

// Seconds since construction or the last restart, on the steady clock.
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  // Returns the seconds so far and starts again from zero.
  double restart() {
    const double elapsed = seconds();
    start_ = Clock::now();
    return elapsed;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

// "85 ms", "3.2 s", "42 s", "4 min 12 s", "2 h 5 min", "3 d 4 h"; "unknown" for negative or non-finite input.
std::string format_duration(double seconds);

}  // namespace gamut
