// SPDX-License-Identifier: Apache-2.0
// Philox-4x32-10: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
// 2011.
#include "gamut/core/random.h"

#include "gamut/core/error.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>

namespace gamut {
namespace {

constexpr uint32_t kMul0 = 0xD2511F53, kMul1 = 0xCD9E8D57;    // multipliers of the paper
constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;  // key schedule: golden ratio, sqrt(3) - 1
constexpr int kRounds = 10;
constexpr int kLanes = 64;  // blocks made at once by fill_normal

// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
uint64_t mix64(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

void skip_blocks(std::array<uint32_t, 4>& counter, uint64_t blocks) {
  const uint64_t low = (uint64_t{counter[1]} << 32 | counter[0]) + blocks;
  counter[0] = uint32_t(low);
  counter[1] = uint32_t(low >> 32);
}

// Words of kLanes consecutive blocks; word[w][lane].
struct Words {
  alignas(64) uint32_t word[4][kLanes];
};

// The same rounds as philox(), with lanes innermost so that the compiler makes vector code.
void philox_lanes(const std::array<uint32_t, 4>& counter, const std::array<uint32_t, 2>& key, Words& out) {
  const uint64_t low = uint64_t{counter[1]} << 32 | counter[0];
  for (int lane = 0; lane < kLanes; ++lane) {
    out.word[0][lane] = uint32_t(low + uint64_t(lane));
    out.word[1][lane] = uint32_t((low + uint64_t(lane)) >> 32);
    out.word[2][lane] = counter[2];
    out.word[3][lane] = counter[3];
  }
  uint32_t key0 = key[0], key1 = key[1];
  for (int round = 0; round < kRounds; ++round, key0 += kWeyl0, key1 += kWeyl1) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const uint64_t a = uint64_t{kMul0} * out.word[0][lane], b = uint64_t{kMul1} * out.word[2][lane];
      const uint32_t w1 = out.word[1][lane], w3 = out.word[3][lane];
      out.word[0][lane] = uint32_t(b >> 32) ^ w1 ^ key0;
      out.word[1][lane] = uint32_t(b);
      out.word[2][lane] = uint32_t(a >> 32) ^ w3 ^ key1;
      out.word[3][lane] = uint32_t(a);
    }
  }
}

// Natural logarithm of u in (0, 1], relative error about 1e-7: u = m 2^e with m near 1, log m = 2
// artanh((m-1)/(m+1)).
inline float log_unit(float u) {
  const uint32_t bits = std::bit_cast<uint32_t>(u);
  const uint32_t shifted = bits - 0x3F3504F3;  // bits of sqrt(1/2): m lies in [sqrt(1/2), sqrt(2))
  const float exponent = float(int32_t(shifted) >> 23);
  const float m = std::bit_cast<float>((shifted & 0x007FFFFF) + 0x3F3504F3);
  const float s = (m - 1.0f) / (m + 1.0f), s2 = s * s;
  const float series = 2.0f + s2 * (2.0f / 3 + s2 * (2.0f / 5 + s2 * (2.0f / 7 + s2 * (2.0f / 9))));
  return exponent * float(std::numbers::ln2) + s * series;
}

struct SinCos {
  float sin, cos;
};

// Sine and cosine of 2 pi x / 2^32. The quarter turn comes exactly from the bits; Taylor series on [-pi/4,
// pi/4].
inline SinCos sincos_turn(uint32_t x) {
  const uint32_t quarter = (x + 0x20000000u) >> 30;
  const float t = float(int32_t(x - (quarter << 30))) * float(std::numbers::pi * 0x1p-31);
  const float t2 = t * t;
  const float sine =
      t * (1.0f + t2 * (-1.0f / 6 + t2 * (1.0f / 120 + t2 * (-1.0f / 5040 + t2 * (1.0f / 362880)))));
  const float cosine =
      1.0f +
      t2 * (-0.5f + t2 * (1.0f / 24 + t2 * (-1.0f / 720 + t2 * (1.0f / 40320 - t2 * (1.0f / 3628800)))));
  const float first = quarter & 1 ? cosine : sine, second = quarter & 1 ? sine : cosine;
  const float first_sign = quarter & 2 ? -1.0f : 1.0f, second_sign = (quarter + 1) & 2 ? -1.0f : 1.0f;
  return {first_sign * first, second_sign * second};
}

// Two uniform words to two independent standard normals.
inline void box_muller(const uint32_t* radius, const uint32_t* angle, float* cosines, float* sines) {
  for (int lane = 0; lane < kLanes; ++lane) {
    // int32 conversions are one vector instruction; the halves keep the value of the unsigned word.
    const float high = float(int32_t(radius[lane] >> 16)), low = float(int32_t(radius[lane] & 0xFFFF));
    const float u = (high * 65536.0f + (low + 0.5f)) * 0x1p-32f;
    const float r = std::sqrt(-2.0f * log_unit(u));
    const SinCos turn = sincos_turn(angle[lane]);
    cosines[lane] = r * turn.cos;
    sines[lane] = r * turn.sin;
  }
}

}  // namespace

uint64_t hash64(std::string_view bytes, uint64_t seed) {
  uint64_t state = 0xCBF29CE484222325u ^ mix64(seed);
  for (const char byte : bytes) state = (state ^ uint8_t(byte)) * 0x100000001B3u;
  return mix64(state);
}

std::array<uint32_t, 4> philox(const std::array<uint32_t, 4>& counter, const std::array<uint32_t, 2>& key) {
  std::array<uint32_t, 4> c = counter;
  uint32_t key0 = key[0], key1 = key[1];
  for (int round = 0; round < kRounds; ++round, key0 += kWeyl0, key1 += kWeyl1) {
    const uint64_t a = uint64_t{kMul0} * c[0], b = uint64_t{kMul1} * c[2];
    c = {uint32_t(b >> 32) ^ c[1] ^ key0, uint32_t(b), uint32_t(a >> 32) ^ c[3] ^ key1, uint32_t(a)};
  }
  return c;
}

Stream::Stream(uint64_t seed, std::string_view purpose, std::initializer_list<int64_t> key) {
  // Little-endian bytes on every machine; the length separates the purpose from the key.
  std::string name;
  const auto append = [&](uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) name.push_back(char(value >> shift));
  };
  append(seed);
  append(purpose.size());
  name.append(purpose);
  for (const int64_t part : key) append(uint64_t(part));
  const uint64_t low = hash64(name, 1), high = hash64(name, 2);
  key_ = {uint32_t(low), uint32_t(low >> 32)};
  counter_ = {0, 0, uint32_t(high), uint32_t(high >> 32)};
}

uint32_t Stream::bits32() {
  if (used_ == 4) {
    block_ = philox(counter_, key_);
    skip_blocks(counter_, 1);
    used_ = 0;
  }
  return block_[size_t(used_++)];
}

uint64_t Stream::bits64() {
  const uint64_t low = bits32();
  return uint64_t{bits32()} << 32 | low;
}

double Stream::uniform() { return double(bits64() >> 11) * 0x1p-53; }

double Stream::uniform(double low, double high) { return low + (high - low) * uniform(); }

double Stream::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

int64_t Stream::below(int64_t n) {
  GAMUT_CHECK(n >= 1, "n is ", n);
  // Values under `excess` would make some results more likely: 2^64 mod n of them are drawn again.
  const uint64_t range = uint64_t(n), excess = -range % range;
  uint64_t bits = bits64();
  while (bits < excess) bits = bits64();
  return int64_t(bits % range);
}

void Stream::fill_normal(std::span<float> out) {
  Words words;
  alignas(64) float normal[4][kLanes];
  while (!out.empty()) {
    philox_lanes(counter_, key_, words);
    box_muller(words.word[0], words.word[1], normal[0], normal[1]);
    box_muller(words.word[2], words.word[3], normal[2], normal[3]);
    const size_t count = std::min(out.size(), size_t{4} * kLanes);
    for (size_t i = 0; i < count; ++i) out[i] = normal[i % 4][i / 4];
    skip_blocks(counter_, (count + 3) / 4);
    out = out.subspan(count);
  }
  used_ = 4;
}

std::vector<int64_t> Stream::permutation(int64_t n) {
  std::vector<int64_t> order(size_t(std::max<int64_t>(n, 0)));
  std::iota(order.begin(), order.end(), int64_t{0});
  for (int64_t last = n - 1; last > 0; --last) std::swap(order[size_t(last)], order[size_t(below(last + 1))]);
  return order;
}

}  // namespace gamut
