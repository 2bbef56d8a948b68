// SPDX-License-Identifier: Apache-2.0
#include "gamut/models/latent_spec.h"

#include "gamut/core/error.h"

#include <algorithm>

namespace gamut::models {

LatentSpec LatentSpec::sized(int64_t pixel_height, int64_t pixel_width) const {
  const int64_t step = pixel_multiple();
  for (const auto& [name, pixels] : {std::pair{"height", pixel_height}, std::pair{"width", pixel_width}}) {
    if (pixels < 0 || pixels % step != 0)
      throw ConfigError("model",
                        cat("a picture's ", name, " must be a multiple of ", step,
                            patch == 1 ? ", the model's pixels per latent pixel; got "
                                       : ", the model's pixels per patch; got ",
                            pixels, "; the nearest is ", std::max(step, (pixels + step / 2) / step * step)));
  }
  LatentSpec other = *this;
  if (pixel_height > 0) other.height = pixel_height / factor;
  if (pixel_width > 0) other.width = pixel_width / factor;
  return other;
}

}  // namespace gamut::models
