// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/classes.h"

#include "gamut/core/error.h"

#include <cmath>

namespace gamut::eval {
namespace {

OpenClassifier& opener() {
  static OpenClassifier open;
  return open;
}

}  // namespace

void set_classifier(OpenClassifier open) {
  GAMUT_CHECK(!opener(), "a classifier is set already");
  opener() = std::move(open);
}

std::unique_ptr<PictureClassifier> make_classifier(const std::string& folder, const std::string& device) {
  if (folder.empty()) return nullptr;
  GAMUT_CHECK(opener(), "no task has brought a classifier");
  return opener()(folder, device);
}

double effective_classes(const std::vector<int64_t>& classes) {
  if (classes.empty()) return 0;
  std::map<int64_t, double> counts;
  for (const int64_t of_picture : classes) counts[of_picture] += 1;
  double entropy = 0;
  for (const auto& [name, count] : counts) {
    const double share = count / double(classes.size());
    entropy -= share * std::log(share);
  }
  return std::exp(entropy);
}

}  // namespace gamut::eval
