// SPDX-License-Identifier: Apache-2.0
// What this program was built with and runs on.
#pragma once

#include <string>

namespace gamut::run {

// "gamut 0.3.0"
std::string version();
// Several lines of "name: value"; goes to build.txt and to `gamut doctor`. Of a GPU only for the device
// "cuda", since to look for one loads what it takes.
std::string build_info(const std::string& device);

}  // namespace gamut::run
