// SPDX-License-Identifier: Apache-2.0
// The twin of ocr.cpp in builds without Tesseract.
#include "gamut/core/error.h"
#include "gamut/rewards/ocr.h"

namespace gamut::rewards {

bool ocr_is_built() { return false; }

std::unique_ptr<Reward> make_ocr_reward(const OcrOptions&) {
  throw EnvironmentError("ocr",
                         "the reward 'ocr' needs Tesseract; got a build without it; configure with "
                         "-DGAMUT_OCR=ON after: apt install libtesseract-dev tesseract-ocr-eng");
}

}  // namespace gamut::rewards
