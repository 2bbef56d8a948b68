// SPDX-License-Identifier: Apache-2.0
// One Tesseract engine: a grey or colour raster in, what it read out. Not thread-safe: one per thread.
//
// The same raster gives the same reading whatever was read before: nothing is learned between pictures.
#pragma once

#include "gamut/rewards/ocr.h"

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tesseract {
class TessBaseAPI;
}

namespace gamut::rewards {

// Row-major, `channels` bytes per pixel (1 or 3).
struct Raster {
  int64_t width = 0, height = 0, channels = 1;
  std::vector<uint8_t> bytes;
};

// What a recognized symbol may be. Confidences are Tesseract's, in [0, 1]: the winner's is mostly above 0.75,
// and those of one symbol need not add up to 1.
struct SymbolChoice {
  std::string text;
  double confidence = 0;
};
struct Symbol {
  std::string text;  // as it stands in the reading
  std::vector<SymbolChoice> choices;
};
struct Reading {
  std::string text;             // with white space and the final newline
  std::vector<Symbol> symbols;  // OcrForm::kConfidence only
};

// The confidence in `target`, 0 … 1: symbol by symbol the confidence in the asked one in either case (0 where
// it is no alternative), summed and divided by the larger of the two lengths, so that surplus symbols cost as
// much as missing ones. Case twins (text_match.h) count as one symbol where that gives more.
double confidence_in(const Reading& reading, std::string_view target);

// The folder with eng.traineddata: `asked`, or if that is empty TESSDATA_PREFIX and the places of Debian and
// Ubuntu. EnvironmentError names the folders searched and the package to install.
std::filesystem::path find_tessdata(const std::filesystem::path& asked);

class TesseractEngine {
 public:
  explicit TesseractEngine(const OcrOptions& options);
  ~TesseractEngine();
  Reading read(const Raster& raster);

 private:
  std::unique_ptr<tesseract::TessBaseAPI> api_;
  OcrForm form_;
};

}  // namespace gamut::rewards
