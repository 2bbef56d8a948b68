// SPDX-License-Identifier: Apache-2.0
// Random numbers from named streams (counter-based Philox-4x32-10, Salmon et al. 2011).
//
//   Stream noise(run_seed, "rollout.step_noise", {epoch, prompt, member, step});
//   noise.fill_normal(buffer);
//
// A stream is a pure function of its name: no result depends on batch size, thread count or drawing order
// elsewhere. Equal names give equal numbers on every platform: bits32 … below, permutation and fill_normal to
// the last bit (fill_normal uses only + - * / and square roots), normal() up to the C library's log and cos.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace gamut {

// 64-bit FNV-1a followed by a finalizer; stable across versions, not for security.
uint64_t hash64(std::string_view bytes, uint64_t seed = 0);

// One block of Philox-4x32-10: a bijection of the 128-bit counter (lowest word first) for each 64-bit key.
std::array<uint32_t, 4> philox(const std::array<uint32_t, 4>& counter, const std::array<uint32_t, 2>& key);

class Stream {
 public:
  // `purpose` says what is drawn ("rollout.step_noise"), `key` for which item; all of them name the stream.
  Stream(uint64_t seed, std::string_view purpose, std::initializer_list<int64_t> key = {});

  uint32_t bits32();
  uint64_t bits64();
  double uniform();  // [0, 1), 53 bits
  double uniform(double low, double high);
  double normal();           // standard normal, Box-Muller
  int64_t below(int64_t n);  // 0 … n-1 without bias; n >= 1
  bool chance(double probability) { return uniform() < probability; }
  // Standard normals in float, Box-Muller on 32-bit uniforms: |value| <= 6.8. Starts at a fresh block of the
  // stream, so the first k of n numbers are the k numbers that a fill of k would have given.
  void fill_normal(std::span<float> out);
  std::vector<int64_t> permutation(int64_t n);  // 0 … n-1 in random order

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;  // the next block; the upper two words belong to the name
  std::array<uint32_t, 4> block_;
  int used_ = 4;  // words of block_ already given out
};

}  // namespace gamut
