// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/doctor_group.h"

#include "gamut/core/clock.h"
#include "gamut/core/error.h"
#include "gamut/core/names.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cstdio>
#include <cstdlib>

namespace gamut::cli {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

// The median of five sums of so many bytes, in seconds.
double seconds_of_sum(comm::Group& group, int64_t bytes) {
  const at::Tensor numbers = at::zeros({bytes / 4});
  std::vector<double> seconds;
  for (int i = 0; i < 6; ++i) {
    group.barrier();
    const Stopwatch watch;
    group.sum({numbers});
    if (i > 0) seconds.push_back(watch.seconds());  // the first one opens connections
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

std::string timing(comm::Group& group, int64_t bytes) {
  const double seconds = seconds_of_sum(group, bytes);
  char text[96];
  std::snprintf(text, sizeof text, "sum of %3lld MiB: %.1f ms, %.2f GB/s per process",
                static_cast<long long>(bytes / kMiB), 1000 * seconds, double(bytes) / seconds / 1e9);
  return text;
}

}  // namespace

std::string describe_group(comm::Group& group) {
  const char* gpus = std::getenv("CUDA_VISIBLE_DEVICES");
  const std::string own =
      cat(group.name(), ", local rank ", group.place().local_rank, ", threads ", at::get_num_threads(),
          ", GPUs ", gpus == nullptr ? "as the machine has them" : printable(gpus));
  std::string text = cat("group: ", group.size(), " processes\n");
  for (const std::string& line : group.gather(own)) text += cat("  ", line, "\n");
  for (const int64_t size : {1, 64}) text += cat("  ", timing(group, size * kMiB), "\n");
  return group.leads() ? text + "\n" : "";
}

}  // namespace gamut::cli
