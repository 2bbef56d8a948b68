// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/kernels/cpu_path.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/nn/kernels/table.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <ranges>

namespace gamut::nn {
namespace kernels {

namespace baseline {
extern const Table table;
}
#if defined(__x86_64__)
namespace avx2 {
extern const Table table;
}
namespace avx512 {
extern const Table table;
}
#endif

}  // namespace kernels

namespace {

constexpr const char* kVariable = "GAMUT_CPU";

struct Candidate {
  std::string_view name;
  const kernels::Table* table;  // null: not for this kind of machine
  bool (*runs_here)();
};

// By CpuPath. Each condition names the instruction sets that nn/CMakeLists.txt compiles the path for.
#if defined(__x86_64__)
constexpr std::array kCandidates{
    Candidate{"baseline", &kernels::baseline::table, [] { return true; }},
    Candidate{"avx2", &kernels::avx2::table,
              [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }},
    Candidate{"avx512", &kernels::avx512::table,
              [] {
                return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                       __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
              }},
};
#else
constexpr bool never() { return false; }
constexpr std::array kCandidates{Candidate{"baseline", &kernels::baseline::table, [] { return true; }},
                                 Candidate{"avx2", nullptr, never}, Candidate{"avx512", nullptr, never}};
#endif

const Candidate& candidate(CpuPath path) { return kCandidates[size_t(path)]; }

// GAMUT_CPU, or null.
const char* limit_in_environment() {
  const char* value = std::getenv(kVariable);
  return value && *value ? value : nullptr;
}

CpuPath parse_limit(std::string_view name) {
  const auto named = std::ranges::find(kCandidates, name, &Candidate::name);
  if (named != kCandidates.end()) return CpuPath(named - kCandidates.begin());
  throw ConfigError("cpu",
                    cat("environment variable ", kVariable, " names an unknown path; got '", printable(name),
                        "'; expected baseline, avx2 or avx512, or leave it unset for the widest"));
}

CpuPath choose() {
  const CpuPath widest = runnable_cpu_paths().back();
  const char* limit = limit_in_environment();
  return limit ? std::min(widest, parse_limit(limit)) : widest;
}

// Chosen at the first use, whichever thread comes first.
std::atomic<const Candidate*>& in_use() {
  static std::atomic<const Candidate*> current{&candidate(choose())};
  return current;
}

}  // namespace

std::string_view cpu_path_name(CpuPath path) { return candidate(path).name; }

std::vector<CpuPath> runnable_cpu_paths() {
  std::vector<CpuPath> paths;
  for (const CpuPath path : {CpuPath::kBaseline, CpuPath::kAvx2, CpuPath::kAvx512}) {
    if (candidate(path).runs_here()) paths.push_back(path);
  }
  return paths;
}

CpuPath cpu_path() { return CpuPath(in_use().load(std::memory_order_relaxed) - kCandidates.data()); }

std::string describe_cpu_path() {
  const CpuPath widest = runnable_cpu_paths().back(), path = cpu_path();
  const char* limit = limit_in_environment();
  const std::string why = limit ? cat(kVariable, "=", limit, "; ") : "";
  return path == widest
             ? cat(cpu_path_name(path), " (", why, "the widest that this machine runs)")
             : cat(cpu_path_name(path), " (", why, "this machine runs ", cpu_path_name(widest), ")");
}

bool cpu_multiplies_bf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16");
#else
  return true;
#endif
}

void use_cpu_path(CpuPath path) {
  GAMUT_CHECK(candidate(path).runs_here(), "path ", cpu_path_name(path));
  in_use().store(&candidate(path), std::memory_order_relaxed);
}

const kernels::Table& kernels::table() { return *in_use().load(std::memory_order_relaxed)->table; }

}  // namespace gamut::nn
