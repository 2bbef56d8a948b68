// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/memory.h"

#ifdef __GLIBC__
#include <malloc.h>

#include <climits>
#endif

namespace gamut::nn {

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kMegabyte = 1 << 20;
  // 32 MB is the largest threshold that glibc accepts.
  mallopt(M_MMAP_THRESHOLD, 32 * kMegabyte);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
  mallopt(M_TOP_PAD, 64 * kMegabyte);
#endif
}

void give_freed_memory_back() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace gamut::nn
