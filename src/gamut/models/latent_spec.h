// SPDX-License-Identifier: Apache-2.0
// The latents that a denoiser works on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gamut::models {

struct LatentSpec {
  int64_t channels = 4;
  int64_t height = 64, width = 64;  // of the latents that the model was trained on
  int64_t patch = 1;                // sides are multiples of it
  int64_t factor = 1;               // pixels per latent pixel
  // One picture's latent, without the batch.
  std::vector<int64_t> shape() const { return {channels, height, width}; }
  int64_t pixel_multiple() const { return factor * patch; }
  // The same for pictures of another size in pixels; 0 keeps a side. ConfigError unless a multiple of
  // pixel_multiple().
  LatentSpec sized(int64_t pixel_height, int64_t pixel_width) const;
};

}  // namespace gamut::models
