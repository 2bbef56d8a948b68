// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/ocr_preparation.h"

#include "gamut/core/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace gamut::rewards {
namespace {

using Rgb = std::array<double, 3>;
constexpr Rgb kLumaWeights = {0.299, 0.587, 0.114};  // ITU-R BT.601
constexpr int kPowerIterations = 32;
constexpr float kOneStep = 1.0f / 255;  // of an 8-bit picture; less is no ink

// One or three planes of the same size, values in [0, 1].
struct Planes {
  int64_t width, height;
  std::vector<std::vector<float>> values;
};

double dot(const Rgb& a, const Rgb& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Rgb pixel(const Planes& planes, size_t i) {
  return {planes.values[0][i], planes.values[1][i], planes.values[2][i]};
}

Rgb mean_color(const Planes& planes) {
  Rgb mean{};
  const size_t count = planes.values[0].size();
  for (size_t i = 0; i < count; ++i)
    for (size_t c = 0; c < 3; ++c) mean[c] += planes.values[c][i] / double(count);
  return mean;
}

// The direction of the largest variance of colour: from the ground to the ink in a two-colour picture.
Rgb principal_direction(const Planes& planes, const Rgb& mean) {
  std::array<Rgb, 3> covariance{};
  for (size_t i = 0; i < planes.values[0].size(); ++i) {
    const Rgb p = pixel(planes, i);
    for (size_t r = 0; r < 3; ++r)
      for (size_t c = 0; c < 3; ++c) covariance[r][c] += (p[r] - mean[r]) * (p[c] - mean[c]);
  }
  Rgb direction = *std::max_element(covariance.begin(), covariance.end(), [](const Rgb& a, const Rgb& b) {
    return dot(a, a) < dot(b, b);  // not orthogonal to the answer, unlike a fixed start may be
  });
  for (int i = 0; i < kPowerIterations; ++i) {
    const double norm = std::sqrt(dot(direction, direction));
    if (norm < 1e-12) return kLumaWeights;  // one colour only
    for (double& d : direction) d /= norm;
    direction = {dot(covariance[0], direction), dot(covariance[1], direction), dot(covariance[2], direction)};
  }
  const double norm = std::sqrt(dot(direction, direction));
  for (double& d : direction) d /= norm;
  return direction;
}

std::vector<float> project(const Planes& planes, const Rgb& direction) {
  std::vector<float> line(planes.values[0].size());
  for (size_t i = 0; i < line.size(); ++i) line[i] = float(dot(pixel(planes, i), direction));
  return line;
}

float border_mean(const std::vector<float>& grey, int64_t width, int64_t height) {
  double sum = 0;
  int64_t count = 0;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      if (x == 0 || y == 0 || x == width - 1 || y == height - 1) sum += grey[size_t(y * width + x)], ++count;
  return float(sum / double(count));
}

// To [0, 1], the border lighter than the mean. A picture of one colour becomes white.
void stretch(std::vector<float>& grey, float ground) {
  const auto [low, high] = std::minmax_element(grey.begin(), grey.end());
  const float floor = *low, range = *high - *low;
  const bool flip = ground < 0.5f * (*low + *high);
  for (float& g : grey) {
    g = range < kOneStep ? 1.0f : (g - floor) / range;
    if (flip) g = 1.0f - g;
  }
}

void to_grey(Planes& planes, OcrColor color) {
  if (color == OcrColor::kRgb) return;
  const bool luma = color == OcrColor::kLuma;
  std::vector<float> grey =
      project(planes, luma ? kLumaWeights : principal_direction(planes, mean_color(planes)));
  const float ground = border_mean(grey, planes.width, planes.height);
  if (!luma) {
    stretch(grey, ground);
  } else if (ground < 0.5f) {
    for (float& g : grey) g = 1.0f - g;
  }
  planes.values.clear();
  planes.values.push_back(std::move(grey));
}

// The value at (x, y) of the enlarged, padded plane: bilinear with repeated edges, pixel centres at
// half-integers.
float sample(const std::vector<float>& plane, const Planes& size, double x, double y) {
  x = std::clamp(x, 0.0, double(size.width - 1));
  y = std::clamp(y, 0.0, double(size.height - 1));
  const int64_t x0 = int64_t(x), y0 = int64_t(y);
  const int64_t x1 = std::min(x0 + 1, size.width - 1), y1 = std::min(y0 + 1, size.height - 1);
  const double fx = x - double(x0), fy = y - double(y0);
  const auto at = [&](int64_t column, int64_t row) {
    return double(plane[size_t(row * size.width + column)]);
  };
  const double top = at(x0, y0) * (1 - fx) + at(x1, y0) * fx;
  const double bottom = at(x0, y1) * (1 - fx) + at(x1, y1) * fx;
  return float(top * (1 - fy) + bottom * fy);
}

}  // namespace

Raster prepare_for_ocr(const PlanarPicture& picture, const OcrPreparation& preparation) {
  const size_t area = size_t(picture.width * picture.height);
  GAMUT_CHECK(picture.planes.size() == 3 * area && area > 0);
  Planes planes{picture.width, picture.height, std::vector<std::vector<float>>(3)};
  for (size_t c = 0; c < 3; ++c) {
    const auto plane = picture.planes.subspan(c * area, area);
    planes.values[c].assign(plane.begin(), plane.end());
    for (float& v : planes.values[c]) v = std::clamp(v, 0.0f, 1.0f);
  }
  to_grey(planes, preparation.color);

  Raster raster;
  const double scale = double(preparation.scale), padding = double(preparation.padding);
  raster.width = preparation.scale * (picture.width + 2 * preparation.padding);
  raster.height = preparation.scale * (picture.height + 2 * preparation.padding);
  raster.channels = int64_t(planes.values.size());
  raster.bytes.reserve(size_t(raster.width * raster.height * raster.channels));
  for (int64_t y = 0; y < raster.height; ++y)
    for (int64_t x = 0; x < raster.width; ++x)
      for (const auto& plane : planes.values) {
        const float value = sample(plane, planes, (double(x) + 0.5) / scale - 0.5 - padding,
                                   (double(y) + 0.5) / scale - 0.5 - padding);
        raster.bytes.push_back(uint8_t(std::lround(255.0f * value)));
      }
  return raster;
}

}  // namespace gamut::rewards
