// SPDX-License-Identifier: Apache-2.0
// From a picture to the raster that Tesseract reads. Dark ink on a light ground is what it was trained on, so
// the side that the border shows becomes the light one.
#pragma once

#include "gamut/rewards/tesseract_engine.h"

#include <span>

namespace gamut::rewards {

// `planes` holds three planes of height x width values in [0, 1]; values outside are clamped.
struct PlanarPicture {
  int64_t width = 0, height = 0;
  std::span<const float> planes;
};
Raster prepare_for_ocr(const PlanarPicture& picture, const OcrPreparation& preparation);

}  // namespace gamut::rewards
