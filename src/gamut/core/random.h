// SPDX-License-Identifier: Apache-2.0
// Random numbers from named streams (counter-based Philox-4x32-10, Salmon et al. 2011).
//
//   Stream noise(run_seed, "rollout.step_noise", {epoch, prompt, member, step});
//   noise.fill_normal(buffer);
//
// A stream is a pure function of its name: no result depends on batch size, thread count or drawing order
// elsewhere. Equal names give equal numbers on every platform, up to the last bit of the C library's log and cos.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace gamut {

// 64-bit FNV-1a followed by a finalizer; stable across versions, not for security.
uint64_t hash64(std::string_view bytes, uint64_t seed = 0);

class Stream {
 public:
  Stream(uint64_t seed, std::string_view purpose, std::initializer_list<int64_t> key = {});

  uint32_t bits32();
  uint64_t bits64();
  double uniform();                       // [0, 1), 53 bits
  double uniform(double low, double high);
  double normal();                        // standard normal, Box-Muller
  int64_t below(int64_t n);               // 0 … n-1 without bias; n >= 1
  bool chance(double probability) { return uniform() < probability; }
  void fill_normal(std::span<float> out); // standard normals
  std::vector<int64_t> permutation(int64_t n);

 private:
  void refill();
  uint32_t key_[2];
  uint32_t counter_[4];
  uint32_t block_[4];
  int used_ = 4;
};

}  // namespace gamut
