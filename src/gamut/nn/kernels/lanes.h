// SPDX-License-Identifier: Apache-2.0
// Several floats at a time, as wide as the instruction set that this file is being compiled for.
//
// The sources of the kernels are compiled once per path (nn/CMakeLists.txt): the compiler's flags decide the
// number of lanes, the tiles follow from the number of registers, and namespace GAMUT_PATH keeps the copies
// apart. Only kernels include this; everybody else calls the functions of matrix.h, attention.h, …, which go
// through table.h. Kernels are torch-free, on raw pointers, and single-threaded; callers split the work. They
// use no function templates or inline functions of other headers (hence ::sqrtf): the linker would keep one
// copy, perhaps one that the machine cannot run.
//
// What a lane computes does not depend on how many stand beside it, so paths that fuse multiply-adds give the
// same bits.
#pragma once

#include <cstdint>
#include <cstring>

#define GAMUT_INLINE [[gnu::always_inline]] inline

#if defined(__AVX512F__)
#define GAMUT_PATH avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define GAMUT_PATH avx2
#else
#define GAMUT_PATH baseline
#endif

namespace gamut::nn::kernels::GAMUT_PATH {

// What a tile may count on.
struct Isa {
  int64_t lanes;      // floats in a vector register
  int64_t registers;  // vector registers
};
#if defined(__AVX512F__)
constexpr Isa kIsa{16, 32};
#elif defined(__AVX2__)
constexpr Isa kIsa{8, 16};
#elif defined(__aarch64__)
constexpr Isa kIsa{4, 32};
#else
constexpr Isa kIsa{4, 16};
#endif

constexpr int64_t kLanes = kIsa.lanes;
using Floats = float __attribute__((vector_size(4 * kLanes)));
using Ints = int32_t __attribute__((vector_size(4 * kLanes)));

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

// Where neither is NaN; else a.
GAMUT_INLINE Floats larger(Floats a, Floats b) { return a < b ? b : a; }

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

// Sixteen floats in as many registers as they need: a cache line. Its parts are independent, so that one is
// computed while the other waits for its result.
constexpr int64_t kWidth = 16, kParts = kWidth / kLanes;
struct Wide {
  Floats part[kParts];
};

template <class Function>
GAMUT_INLINE Wide for_parts(const Function& function) {
  Wide result;
  for (int64_t p = 0; p < kParts; ++p) {
    result.part[p] = function(p);
  }
  return result;
}

GAMUT_INLINE Wide load_wide(const float* from) {
  return for_parts([&](int64_t p) { return load(from + p * kLanes); });
}
GAMUT_INLINE void store(float* to, const Wide& wide) {
  for (int64_t p = 0; p < kParts; ++p) {
    store(to + p * kLanes, wide.part[p]);
  }
}
GAMUT_INLINE Wide splat_wide(float value) {
  return for_parts([&](int64_t) { return splat(value); });
}

GAMUT_INLINE Wide operator+(const Wide& a, const Wide& b) {
  return for_parts([&](int64_t p) { return a.part[p] + b.part[p]; });
}
GAMUT_INLINE Wide operator-(const Wide& a, const Wide& b) {
  return for_parts([&](int64_t p) { return a.part[p] - b.part[p]; });
}
GAMUT_INLINE Wide operator*(const Wide& a, const Wide& b) {
  return for_parts([&](int64_t p) { return a.part[p] * b.part[p]; });
}
GAMUT_INLINE Wide operator*(const Wide& a, float b) {
  return for_parts([&](int64_t p) { return a.part[p] * b; });
}
GAMUT_INLINE Wide larger(const Wide& a, const Wide& b) {
  return for_parts([&](int64_t p) { return larger(a.part[p], b.part[p]); });
}
GAMUT_INLINE Wide exponential(const Wide& x) {
  return for_parts([&](int64_t p) { return exponential(x.part[p]); });
}
GAMUT_INLINE Wide reciprocal(const Wide& x) {
  return for_parts([&](int64_t p) { return 1.0F / x.part[p]; });
}

}  // namespace gamut::nn::kernels::GAMUT_PATH
