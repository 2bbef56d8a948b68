// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/sparkline.h"

#include <algorithm>
#include <cmath>

namespace gamut::train {
namespace {

constexpr const char* kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr size_t kLevels = std::size(kBlocks);

double usable(double value) { return std::isfinite(value) && value > 0 ? value : 0; }

}  // namespace

std::string sparkline(const std::vector<double>& values, size_t columns) {
  columns = std::min(columns, values.size());
  std::vector<double> means;
  for (size_t c = 0; c < columns; ++c) {
    const size_t begin = c * values.size() / columns, end = (c + 1) * values.size() / columns;
    double sum = 0;
    for (size_t i = begin; i < end; ++i) sum += usable(values[i]);
    means.push_back(sum / double(end - begin));
  }
  const double top = means.empty() ? 0 : *std::max_element(means.begin(), means.end());
  std::string text;
  for (const double mean : means)
    text += kBlocks[top > 0 ? std::min(kLevels - 1, size_t(mean / top * double(kLevels))) : 0];
  return text;
}

}  // namespace gamut::train
