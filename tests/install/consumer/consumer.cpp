// SPDX-License-Identifier: Apache-2.0
// With -Werror this would not compile: gamut's flags are its own.
#include "gamut/core/input_files.h"

#ifdef WITH_TORCH
#include "gamut/diversity/vendi.h"

#include <ATen/ATen.h>
#endif

#include <cstdio>

int main(int count, char**) {
  int unused_on_purpose;
  std::printf("%s\n", gamut::data_folder().c_str());
#ifdef WITH_TORCH
  std::printf("%.3f\n", gamut::diversity::vendi_from_features(at::eye(3 * count, at::kDouble)));
#endif
}
