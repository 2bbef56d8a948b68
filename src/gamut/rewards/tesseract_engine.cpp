// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/tesseract_engine.h"

#include "gamut/core/error.h"
#include "gamut/rewards/text_match.h"

#include <leptonica/allheaders.h>
#include <tesseract/baseapi.h>
#include <tesseract/resultiterator.h>

#include <algorithm>
#include <cstdlib>

namespace gamut::rewards {
namespace {

namespace fs = std::filesystem;
constexpr const char* kLanguageFile = "eng.traineddata";
constexpr int kDotsPerInch = 300;  // given, so that Tesseract does not guess (and complain)

std::vector<fs::path> usual_folders() {
  std::vector<fs::path> folders;
  if (const char* prefix = std::getenv("TESSDATA_PREFIX")) {
    folders.emplace_back(prefix);
    folders.push_back(fs::path(prefix) / "tessdata");
  }
  std::error_code ignored;
  std::vector<fs::path> versions;
  for (const auto& entry : fs::directory_iterator("/usr/share/tesseract-ocr", ignored))
    versions.push_back(entry.path() / "tessdata");
  std::sort(versions.rbegin(), versions.rend());  // the newest version first
  folders.insert(folders.end(), versions.begin(), versions.end());
  for (const char* folder : {"/usr/share/tessdata", "/usr/local/share/tessdata"}) folders.emplace_back(folder);
  return folders;
}

void set_variable(tesseract::TessBaseAPI& api, const char* name, const std::string& value) {
  if (!api.SetVariable(name, value.c_str()))
    throw EnvironmentError("ocr", cat("Tesseract does not know the setting '", name, "'; got version ",
                                      tesseract::TessBaseAPI::Version(), "; expected 5.x"));
}

std::vector<SymbolChoice> choices_of(const tesseract::ResultIterator& symbol) {
  std::vector<SymbolChoice> choices;
  tesseract::ChoiceIterator choice(symbol);
  do {
    if (const char* text = choice.GetUTF8Text()) choices.push_back({text, choice.Confidence()});
  } while (choice.Next());
  return choices;
}

}  // namespace

fs::path find_tessdata(const fs::path& asked) {
  const std::vector<fs::path> folders = asked.empty() ? usual_folders() : std::vector<fs::path>{asked};
  std::string searched;
  for (const fs::path& folder : folders) {
    if (fs::exists(folder / kLanguageFile)) return folder;
    searched += cat(searched.empty() ? "" : ", ", "'", folder.string(), "'");
  }
  throw EnvironmentError("ocr", cat("Tesseract needs its English data; got no '", kLanguageFile, "' in ", searched,
                                    "; install it with: apt install tesseract-ocr-eng"));
}

double confidence_in(const Reading& reading, std::string_view target) {
  const std::u32string want = fold_text(target);
  const size_t length = std::max(want.size(), reading.symbols.size());
  if (length == 0) return 0;
  double sum = 0;
  for (size_t i = 0; i < std::min(want.size(), reading.symbols.size()); ++i) {
    double confidence = 0;  // 'k' and 'K' are two alternatives of one symbol
    for (const SymbolChoice& choice : reading.symbols[i])
      if (fold_text(choice.text) == want.substr(i, 1)) confidence += choice.confidence;
    sum += std::clamp(confidence, 0.0, 1.0);
  }
  return sum / static_cast<double>(length);
}

TesseractEngine::TesseractEngine(const OcrOptions& options)
    : api_(std::make_unique<tesseract::TessBaseAPI>()), form_(options.form) {
  setMsgSeverity(L_SEVERITY_NONE);  // Leptonica's warnings about tiny pictures
  const fs::path folder = find_tessdata(options.tessdata);
  if (api_->Init(folder.c_str(), "eng", tesseract::OEM_LSTM_ONLY) != 0)
    throw EnvironmentError("ocr", cat("Tesseract must start with '", (folder / kLanguageFile).string(),
                                      "'; got a failure; reinstall it with: apt install --reinstall "
                                      "tesseract-ocr-eng"));
  set_variable(*api_, "debug_file", "/dev/null");
  set_variable(*api_, "classify_enable_learning", "0");
  if (form_ == OcrForm::kConfidence) set_variable(*api_, "lstm_choice_mode", "2");
  set_variable(*api_, "tessedit_char_whitelist", options.preparation.whitelist);
  api_->SetPageSegMode(static_cast<tesseract::PageSegMode>(options.preparation.page_mode));
}

TesseractEngine::~TesseractEngine() = default;

Reading TesseractEngine::read(const Raster& raster) {
  api_->ClearAdaptiveClassifier();
  api_->SetImage(raster.bytes.data(), int(raster.width), int(raster.height), int(raster.channels),
                 int(raster.width * raster.channels));
  api_->SetSourceResolution(kDotsPerInch);
  Reading reading;
  const std::unique_ptr<char[]> text(api_->GetUTF8Text());
  if (text) reading.text = text.get();
  if (form_ == OcrForm::kConfidence) {
    const std::unique_ptr<tesseract::ResultIterator> symbol(api_->GetIterator());
    if (symbol && !symbol->Empty(tesseract::RIL_SYMBOL)) {
      do {
        reading.symbols.push_back(choices_of(*symbol));
      } while (symbol->Next(tesseract::RIL_SYMBOL));
    }
  }
  api_->Clear();
  return reading;
}

}  // namespace gamut::rewards
