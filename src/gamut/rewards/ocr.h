// SPDX-License-Identifier: Apache-2.0
// The reward `ocr`: Tesseract reads the picture. Two forms:
//
//   distance    1 - edit distance / length, as Flow-GRPO (text_match.h); 0 or 1 for a single character
//   confidence  the engine's confidence, 0 … 1, in the asked symbols among its alternatives; denser
//
// With GAMUT_OCR=OFF the same header is served by no_ocr.cpp, which throws EnvironmentError.
#pragma once

#include "gamut/rewards/reward.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace gamut::rewards {

enum class OcrForm { kDistance, kConfidence };

// How a picture is made ready to be read. The defaults won the comparison in docs/rewards.md.
enum class OcrColor {
  kRgb,     // as it is; Tesseract takes the luminance
  kLuma,    // luminance, the border's side made light
  kTwoTone  // projected on the line between the picture's two colours, the border's side made light
};
struct OcrPreparation {
  OcrColor color = OcrColor::kTwoTone;
  int64_t scale = 1;           // enlargement, bilinear
  int64_t padding = 4;         // pixels of repeated edge on each side, before enlarging
  int64_t page_mode = 7;       // Tesseract's page segmentation mode: 7 one line, 10 one character
  std::string whitelist = {};  // the only characters that may be read; "" = any
};

struct OcrOptions {
  OcrForm form = OcrForm::kDistance;
  std::filesystem::path tessdata =
      {};  // folder with eng.traineddata; "" = where Debian and Ubuntu install it
  OcrPreparation preparation = {};
};

bool ocr_is_built();
// EnvironmentError: no eng.traineddata found, or Tesseract cannot start.
std::unique_ptr<Reward> make_ocr_reward(const OcrOptions& options);

}  // namespace gamut::rewards
