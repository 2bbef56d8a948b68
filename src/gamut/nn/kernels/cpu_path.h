// SPDX-License-Identifier: Apache-2.0
// The instruction set that gamut's CPU kernels run on: the widest that the machine has, or less on demand.
//
//   GAMUT_CPU=avx2 gamut train …      # limits the kernels here
// LibTorch has variables of its own (docs/numerics.md).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gamut::nn {

// Narrowest first. kBaseline is what the compiler takes for granted: SSE2 on x86-64, NEON on 64-bit Arm.
enum class CpuPath { kBaseline, kAvx2, kAvx512 };

// As GAMUT_CPU spells it: baseline, avx2, avx512.
std::string_view cpu_path_name(CpuPath path);

// The paths that this machine can execute, narrowest first; never empty.
std::vector<CpuPath> runnable_cpu_paths();

// The path in use. The first call reads GAMUT_CPU; ConfigError when that names no path.
CpuPath cpu_path();

// "avx2 (the widest here)", "baseline (GAMUT_CPU=baseline; this machine also runs avx2)".
std::string describe_cpu_path();

// Whether the processor has instructions that multiply bf16 (AVX-512 BF16 on x86-64, which those with AMX
// have too). True on other architectures, which nobody asked.
bool cpu_multiplies_bf16();

// For tests and benchmarks, which visit every runnable path; not while kernels run.
void use_cpu_path(CpuPath path);

}  // namespace gamut::nn
