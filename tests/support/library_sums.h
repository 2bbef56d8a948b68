// SPDX-License-Identifier: Apache-2.0
// LibTorch's own sums, in norms, activations, attention and the reader's last layer.
#pragma once

#include <fstream>
#include <string>

namespace gamut::testing {

// Whether they come in the order of the fixtures, which were made on an AMD machine, and in one that does not
// depend on the number of threads.
inline bool library_sums_as_on_amd() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.find("GenuineIntel") != std::string::npos) return false;
  return true;
}

}  // namespace gamut::testing
