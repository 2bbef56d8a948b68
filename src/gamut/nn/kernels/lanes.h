// SPDX-License-Identifier: Apache-2.0
// Sixteen floats at a time, for the CPU kernels beside this file.
//
// A kernel is one function marked GAMUT_KERNEL: the compiler emits it for AVX-512, AVX2 and the baseline, and
// the machine it runs on picks. Everything here is inlined into such a function. The kernels are torch-free,
// on raw pointers, and single-threaded; callers split the work.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define GAMUT_KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define GAMUT_KERNEL
#endif
#define GAMUT_INLINE [[gnu::always_inline]] inline

namespace gamut::nn::kernels {

constexpr int64_t kLanes = 16;
using Floats = float __attribute__((vector_size(64)));
using Ints = int32_t __attribute__((vector_size(64)));

GAMUT_INLINE Floats load(const float* from) {
  Floats lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}

GAMUT_INLINE void store(float* to, Floats lanes) { std::memcpy(to, &lanes, sizeof(lanes)); }

template <class To, class From>
GAMUT_INLINE To bit_cast(From from) {
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

GAMUT_INLINE Floats splat(float value) { return Floats{} + value; }

// All bits where a < b. By the sign of the difference: g++ takes comparisons of vectors wider than the
// machine's registers apart into scalars. Not for infinities.
GAMUT_INLINE Ints below(Floats a, Floats b) { return bit_cast<Ints>(a - b) >> 31; }

GAMUT_INLINE Floats choose(Ints mask, Floats yes, Floats no) {
  return bit_cast<Floats>((mask & bit_cast<Ints>(yes)) | (~mask & bit_cast<Ints>(no)));
}

GAMUT_INLINE Floats larger(Floats a, Floats b) { return choose(below(a, b), b, a); }

// e^x to 1e-7 of itself for x <= 80; 0 below -87. Powers of two by exponent bits, the rest by a polynomial of
// degree 6 (Taylor's, on |r| <= ln 2 / 2).
GAMUT_INLINE Floats exponential(Floats x) {
  x = larger(x, splat(-87.0F));
  const Floats magic = splat(12582912.0F);  // 1.5 * 2^23: adding it rounds to an integer
  const Floats shifted = x * 1.44269504F + magic;
  const Floats n = shifted - magic;
  const Floats r = (x - n * 0.693359375F) - n * -2.12194440e-4F;
  Floats p = r * (1.0F / 5040) + (1.0F / 720);
  p = p * r + (1.0F / 120);
  p = p * r + (1.0F / 24);
  p = p * r + (1.0F / 6);
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  return bit_cast<Floats>(bit_cast<Ints>(p) + (bit_cast<Ints>(shifted) << 23));
}

}  // namespace gamut::nn::kernels
