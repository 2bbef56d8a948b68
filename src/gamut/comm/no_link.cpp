// SPDX-License-Identifier: Apache-2.0
// In place of c10d_link.cpp where LibTorch was built without c10d.
#include "gamut/comm/link.h"
#include "gamut/core/error.h"

namespace gamut::comm {

bool has_link() { return false; }

std::unique_ptr<Link> join(const Place& place, double) {
  throw EnvironmentError(
      "comm", cat("WORLD_SIZE = ", place.size,
                  " asks for several processes, and this gamut was built "
                  "with a LibTorch without c10d (USE_DISTRIBUTED); build it with another, or start "
                  "one process"));
}

}  // namespace gamut::comm
