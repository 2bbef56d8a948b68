// SPDX-License-Identifier: Apache-2.0
// LibTorch's own sums, in norms, activations and attention.
#pragma once

#include <fstream>
#include <string>

namespace gamut::testing {

// Whether they come in the order of the fixtures, which were made on an AMD machine.
inline bool library_sums_as_in_fixtures() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.find("GenuineIntel") != std::string::npos) return false;
  return true;
}

}  // namespace gamut::testing
