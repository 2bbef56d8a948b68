// SPDX-License-Identifier: Apache-2.0
#include "gamut/diversity/pixels.h"

#include "gamut/core/error.h"

#include <cmath>

namespace gamut::diversity {

namespace {

Rgb pixel(const io::Image& image, int64_t x, int64_t y) {
  const uint8_t* p = image.at(x, y);
  return {p[0] / 255.0, p[1] / 255.0, p[2] / 255.0};
}

Rgb mean_color(const io::Image& image) { return mean_rgb(all_pixels(image)); }

double alternating_share(const io::Image& image) {
  const Rgb center = mean_color(image);
  double smooth = 0, differences = 0;
  for (int64_t y = 0; y + 1 < image.height; ++y) {
    for (int64_t x = 0; x + 1 < image.width; ++x) {
      const Rgb a = pixel(image, x, y), b = pixel(image, x + 1, y);
      const Rgb c = pixel(image, x, y + 1), d = pixel(image, x + 1, y + 1);
      for (size_t k = 0; k < 3; ++k) {
        const double sum = a[k] + b[k] + c[k] + d[k] - 4 * center[k];
        const double horizontal = a[k] - b[k] + c[k] - d[k];
        const double vertical = a[k] + b[k] - c[k] - d[k];
        const double diagonal = a[k] - b[k] - c[k] + d[k];
        smooth += sum * sum;
        differences += horizontal * horizontal + vertical * vertical + diagonal * diagonal;
      }
    }
  }
  return differences > 0 ? differences / (smooth + differences) : 0.0;
}

double root_mean_square(const io::Image& a, const io::Image& b) {
  GAMUT_CHECK(a.pixels.size() == b.pixels.size() && !a.pixels.empty(), "pictures differ in size");
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    const double difference = (double(a.pixels[i]) - double(b.pixels[i])) / 255.0;
    sum += difference * difference;
  }
  return std::sqrt(sum / double(a.pixels.size()));
}

}  // namespace

std::vector<Rgb> all_pixels(const io::Image& image) {
  std::vector<Rgb> pixels;
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) pixels.push_back(pixel(image, x, y));
  }
  return pixels;
}

Rgb mean_rgb(const std::vector<Rgb>& colors) {
  Rgb sum{};
  for (const Rgb& color : colors) {
    for (size_t c = 0; c < 3; ++c) sum[c] += color[c];
  }
  for (double& channel : sum) channel /= double(colors.size());
  return sum;
}

double color_spread(std::span<const io::Image> images) {
  if (images.empty()) return 0;
  std::vector<Rgb> means;
  for (const io::Image& image : images) means.push_back(mean_color(image));
  const Rgb center = mean_rgb(means);
  double spread = 0;
  for (size_t c = 0; c < 3; ++c) {
    double variance = 0;
    for (const Rgb& color : means) variance += (color[c] - center[c]) * (color[c] - center[c]);
    spread += std::sqrt(variance / double(means.size())) / 3;
  }
  return spread;
}

double pixel_pairwise_distance(std::span<const io::Image> images) {
  if (images.size() < 2) return 0;
  double sum = 0;
  for (size_t i = 0; i < images.size(); ++i) {
    for (size_t j = 0; j < i; ++j) sum += root_mean_square(images[i], images[j]);
  }
  return sum / (0.5 * double(images.size()) * double(images.size() - 1));
}

double high_frequency_energy(std::span<const io::Image> images) {
  if (images.empty()) return 0;
  double sum = 0;
  for (const io::Image& image : images) sum += alternating_share(image);
  return sum / double(images.size());
}

}  // namespace gamut::diversity
