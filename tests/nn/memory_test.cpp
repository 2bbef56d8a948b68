// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/memory.h"

#include "support/sanitizers.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <fstream>
#include <vector>

namespace gamut::nn {
namespace memory_test {

int64_t page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

TEST(memory, freed_blocks_come_back_without_page_faults) {
  if (testing::kAddressSanitizer) GTEST_SKIP() << "the heap is the sanitizer's";
  keep_freed_memory();
  const auto touch = [] { return at::ones({2, 1 << 20}).sum().item<double>(); };
  // The heap grows over the first few blocks, by an amount that depends on what was freed before.
  for (int i = 0; i < 10; ++i) {
    touch();
  }
  const int64_t before = page_faults();
  for (int i = 0; i < 20; ++i) {
    touch();
  }
  // 8 MB are 2,048 pages each time; without the setting this counts 40,000.
  EXPECT_LT(page_faults() - before, 2000);
}

int64_t resident_pages() {
  int64_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident;
}

TEST(memory, what_was_freed_goes_back_to_the_system) {
  if (testing::kAddressSanitizer) GTEST_SKIP() << "the heap is the sanitizer's";
  keep_freed_memory();
  std::vector<at::Tensor> blocks;
  for (int i = 0; i < 40; ++i) blocks.push_back(at::ones({1 << 20}));  // 160 MB in blocks that the heap holds
  const int64_t held = resident_pages();
  blocks.clear();
  give_freed_memory_back();
  EXPECT_LT(resident_pages(), held - 40 * 900);  // of 1,024 pages each
}

}  // namespace memory_test
}  // namespace gamut::nn
