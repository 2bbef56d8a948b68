// SPDX-License-Identifier: Apache-2.0
// What this program was built with and runs on.
#pragma once

#include <string>

namespace gamut::cli {

// "gamut 0.3.0"
std::string version();
// Several lines of "name: value"; goes to build.txt and to `gamut doctor`.
std::string build_info();

}  // namespace gamut::cli
