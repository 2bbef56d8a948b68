// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/tesseract_engine.h"

#include "gamut/core/error.h"
#include "gamut/core/input_files.h"
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
  for (const char* folder : {"/usr/share/tessdata", "/usr/local/share/tessdata"})
    folders.emplace_back(folder);
  if (const fs::path data = data_folder(); !data.empty())
    folders.push_back(data / "tessdata");  // in gamut's wheel
  return folders;
}

void set_variable(tesseract::TessBaseAPI& api, const char* name, const std::string& value) {
  if (!api.SetVariable(name, value.c_str()))
    throw EnvironmentError("ocr", cat("Tesseract does not know the setting '", name, "'; got version ",
                                      tesseract::TessBaseAPI::Version(), "; expected 5.x"));
}

Symbol symbol_at(const tesseract::ResultIterator& position) {
  Symbol symbol;
  const std::unique_ptr<char[]> text(position.GetUTF8Text(tesseract::RIL_SYMBOL));
  if (text) symbol.text = text.get();
  tesseract::ChoiceIterator choice(position);
  do {
    if (const char* other = choice.GetUTF8Text())
      symbol.choices.push_back({other, choice.Confidence() / 100.0});
  } while (choice.Next());
  return symbol;
}

double aligned_confidence(const std::vector<Symbol>& symbols, const std::u32string& want) {
  const size_t length = std::max(want.size(), symbols.size());
  double sum = 0;
  for (size_t i = 0; i < std::min(want.size(), symbols.size()); ++i) {
    double confidence = 0;
    for (const SymbolChoice& choice : symbols[i].choices)
      if (fold_text(choice.text) == want.substr(i, 1)) confidence = std::max(confidence, choice.confidence);
    sum += std::clamp(confidence, 0.0, 1.0);
  }
  return length == 0 ? 0 : sum / static_cast<double>(length);
}

bool are_twins(const Symbol& a, const Symbol& b) {
  return a.text != b.text && fold_text(a.text) == fold_text(b.text);
}

}  // namespace

fs::path find_tessdata(const fs::path& asked) {
  const std::vector<fs::path> folders = asked.empty() ? usual_folders() : std::vector<fs::path>{asked};
  std::string searched;
  for (const fs::path& folder : folders) {
    if (fs::exists(folder / kLanguageFile)) return folder;
    searched += cat(searched.empty() ? "" : ", ", "'", folder.string(), "'");
  }
  throw EnvironmentError("ocr", cat("Tesseract needs its English data; got no '", kLanguageFile, "' in ",
                                    searched, "; install it with: apt install tesseract-ocr-eng"));
}

double confidence_in(const Reading& reading, std::string_view target) {
  const std::u32string want = fold_text(target);
  std::vector<Symbol> merged;
  for (size_t i = 0; i < reading.symbols.size(); ++i)
    if (i == 0 || !are_twins(reading.symbols[i - 1], reading.symbols[i]))
      merged.push_back(reading.symbols[i]);
  return std::max(aligned_confidence(reading.symbols, want), aligned_confidence(merged, want));
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
    const std::unique_ptr<tesseract::ResultIterator> position(api_->GetIterator());
    if (position && !position->Empty(tesseract::RIL_SYMBOL)) {
      do {
        reading.symbols.push_back(symbol_at(*position));
      } while (position->Next(tesseract::RIL_SYMBOL));
    }
  }
  api_->Clear();
  return reading;
}

}  // namespace gamut::rewards
