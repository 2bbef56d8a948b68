// SPDX-License-Identifier: Apache-2.0
// LibTorch's own matrix products, which serve where gamut has no kernel.
#pragma once

#include <fstream>
#include <string>

namespace gamut::testing {

// Whether they give a row the same bits beside any other rows and by any number of threads. MKL does so on
// AMD's processors; on Intel's it takes other routines, which sum in parts.
inline bool library_rows_stand_alone() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.find("GenuineIntel") != std::string::npos) return false;
  return true;
}

}  // namespace gamut::testing
