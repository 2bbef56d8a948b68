// SPDX-License-Identifier: Apache-2.0
// Single precision, multiply then add, in the order of OpenCV's portable code. In areas of one color the
// normalized pixels are nothing but rounding, and the fit counts their signs: another order would be another
// score there.
#include "gamut/rewards/brisque_features.h"

#include "gamut/core/error.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

namespace gamut::rewards {
namespace {

// A gray picture, row-major.
struct Plane {
  int64_t height = 0, width = 0;
  std::vector<float> values;

  Plane(int64_t rows, int64_t columns) : height(rows), width(columns), values(size_t(rows * columns)) {}
  float* row(int64_t y) { return &values[size_t(y * width)]; }
  const float* row(int64_t y) const { return &values[size_t(y * width)]; }
};

// cvtColor's integers: 0.299 R + 0.587 G + 0.114 B in units of 2^-15, rounded to 8 bits.
Plane gray_of(const io::Image& image) {
  Plane gray(image.height, image.width);
  for (size_t i = 0; i < gray.values.size(); ++i) {
    const uint8_t* rgb = &image.pixels[3 * i];
    const int level = (9798 * rgb[0] + 19235 * rgb[1] + 3735 * rgb[2] + (1 << 14)) >> 15;
    gray.values[i] = float(level) * float(1 / 255.0);
  }
  return gray;
}

constexpr int64_t kReach = 3;  // of the window, to each side

std::array<float, 2 * kReach + 1> window() {
  std::array<double, 2 * kReach + 1> weights{};
  const double sigma = 7.0 / 6;
  double sum = 0;
  for (int64_t i = -kReach; i <= kReach; ++i)
    sum += weights[size_t(i + kReach)] = std::exp(-double(i * i) / (2 * sigma * sigma));
  std::array<float, 2 * kReach + 1> rounded{};
  for (size_t i = 0; i < rounded.size(); ++i) rounded[i] = float(weights[i] / sum);
  return rounded;
}

// Along rows from left to right.
Plane blur_rows(const Plane& plane) {
  static const auto weights = window();
  Plane out(plane.height, plane.width);
  std::vector<float> padded(size_t(plane.width + 2 * kReach));
  for (int64_t y = 0; y < plane.height; ++y) {
    const float* row = plane.row(y);
    std::fill_n(padded.begin(), kReach, row[0]);
    std::copy_n(row, plane.width, padded.begin() + kReach);
    std::fill_n(padded.end() - kReach, kReach, row[plane.width - 1]);
    float* sums = out.row(y);
    for (size_t k = 0; k < weights.size(); ++k)
      for (int64_t x = 0; x < plane.width; ++x) sums[x] += padded[size_t(x) + k] * weights[k];
  }
  return out;
}

// Along columns from the middle outward, both sides at once.
Plane blur(const Plane& plane) {
  static const auto weights = window();
  const Plane rows = blur_rows(plane);
  Plane out(plane.height, plane.width);
  for (int64_t y = 0; y < plane.height; ++y) {
    float* sums = out.row(y);
    for (int64_t x = 0; x < plane.width; ++x) sums[x] = rows.row(y)[x] * weights[kReach];
    for (int64_t k = 1; k <= kReach; ++k) {
      const float* above = rows.row(std::max<int64_t>(y - k, 0));
      const float* below = rows.row(std::min(y + k, plane.height - 1));
      for (int64_t x = 0; x < plane.width; ++x)
        sums[x] += (above[x] + below[x]) * weights[size_t(kReach + k)];
    }
  }
  return out;
}

// Bicubic with A = -0.75: four neighbors (repeated borders) and their weights, for each place of the smaller
// side.
struct Tap {
  std::array<int64_t, 4> from{};
  std::array<float, 4> weight{};
};

std::vector<Tap> taps(int64_t size, int64_t smaller) {
  constexpr float kA = -0.75F;
  const double ratio = double(size) / double(smaller);
  std::vector<Tap> all(static_cast<size_t>(smaller));
  for (int64_t i = 0; i < smaller; ++i) {
    const float place = float((double(i) + 0.5) * ratio - 0.5), start = std::floor(place);
    const float x = place - start, back = 1 - x;
    Tap& tap = all[size_t(i)];
    for (int64_t k = 0; k < 4; ++k)
      tap.from[size_t(k)] = std::clamp<int64_t>(int64_t(start) + k - 1, 0, size - 1);
    tap.weight[0] = ((kA * (x + 1) - 5 * kA) * (x + 1) + 8 * kA) * (x + 1) - 4 * kA;
    tap.weight[1] = ((kA + 2) * x - (kA + 3)) * x * x + 1;
    tap.weight[2] = ((kA + 2) * back - (kA + 3)) * back * back + 1;
    tap.weight[3] = 1 - tap.weight[0] - tap.weight[1] - tap.weight[2];
  }
  return all;
}

Plane half_size(const Plane& plane) {
  const std::vector<Tap> across = taps(plane.width, plane.width / 2),
                         down = taps(plane.height, plane.height / 2);
  Plane narrow(plane.height, plane.width / 2), out(plane.height / 2, plane.width / 2);
  for (int64_t y = 0; y < narrow.height; ++y)
    for (int64_t x = 0; x < narrow.width; ++x) {
      const Tap& tap = across[size_t(x)];
      const float* row = plane.row(y);
      narrow.row(y)[x] = row[tap.from[0]] * tap.weight[0] + row[tap.from[1]] * tap.weight[1] +
                         row[tap.from[2]] * tap.weight[2] + row[tap.from[3]] * tap.weight[3];
    }
  for (int64_t y = 0; y < out.height; ++y)
    for (size_t k = 4; k-- > 0;) {  // the lowest row first
      const Tap& tap = down[size_t(y)];
      const float* row = narrow.row(tap.from[k]);
      for (int64_t x = 0; x < out.width; ++x) out.row(y)[x] += row[x] * tap.weight[k];
    }
  return out;
}

// Mean-subtracted, contrast-normalized pixels. Where rounding makes a variance negative there is no contrast:
// 0.
Plane normalized(const Plane& plane) {
  Plane squares = plane;
  for (float& value : squares.values) value *= value;
  const Plane mean = blur(plane), mean_square = blur(squares);
  Plane out(plane.height, plane.width);
  for (size_t i = 0; i < out.values.size(); ++i) {
    const float variance = mean_square.values[i] - mean.values[i] * mean.values[i];
    if (variance >= 0)
      out.values[i] = (plane.values[i] - mean.values[i]) / (std::sqrt(variance) + float(1 / 255.0));
  }
  return out;
}

// Each pixel times its neighbor at (y + down, x + 1), 0 where there is none; down = -1 … 1 and right = 0 … 1.
Plane products(const Plane& plane, int64_t down, int64_t right) {
  Plane out(plane.height, plane.width);
  for (int64_t y = std::max<int64_t>(0, -down); y < plane.height - std::max<int64_t>(0, down); ++y)
    for (int64_t x = 0; x < plane.width - right; ++x)
      out.row(y)[x] = plane.row(y)[x] * plane.row(y + down)[x + right];
  return out;
}

// An asymmetric generalized Gaussian: its shape and the deviations of both sides.
struct Fit {
  double shape = 0, left = 0, right = 0;
};

// Moment ratios of the shapes 0.2, 0.201 … below 10; increasing.
struct ShapeTable {
  std::vector<double> shapes, ratios;
  ShapeTable() {
    for (double shape = 0.2; shape < 10; shape += 0.001) {
      const double middle = std::tgamma(2 / shape);
      shapes.push_back(shape);
      ratios.push_back(middle * middle / (std::tgamma(1 / shape) * std::tgamma(3 / shape)));
    }
  }
  double nearest(double ratio) const {
    const size_t above = size_t(std::lower_bound(ratios.begin(), ratios.end(), ratio) - ratios.begin());
    if (above == 0) return shapes.front();
    if (above == ratios.size()) return shapes.back();
    return ratio - ratios[above - 1] < ratios[above] - ratio ? shapes[above - 1] : shapes[above];
  }
};

// Nothing where one side is empty.
std::optional<Fit> fit(const Plane& plane) {
  static const ShapeTable table;
  double left_squares = 0, right_squares = 0, sizes = 0;
  int64_t num_left = 0, num_right = 0;
  for (const float value : plane.values) {
    const float square = value * value;
    sizes += std::abs(value);
    (value < 0 ? left_squares : right_squares) += square;
    num_left += value < 0;
    num_right += value > 0;
  }
  // Squares of the tiniest values are 0 in single precision.
  if (left_squares == 0 || right_squares == 0) return std::nullopt;
  const double count = double(plane.values.size());
  const double left = std::sqrt(left_squares / double(num_left)),
               right = std::sqrt(right_squares / double(num_right));
  const double skew = left / right, mean = sizes / count;
  const double ratio = mean * mean / ((left_squares + right_squares) / count) * (std::pow(skew, 3) + 1) *
                       (skew + 1) / std::pow(skew * skew + 1, 2);
  return Fit{.shape = table.nearest(ratio), .left = left, .right = right};
}

double mean_of(const Fit& fit) {
  return (fit.right - fit.left) * (std::tgamma(2 / fit.shape) / std::tgamma(1 / fit.shape)) *
         (std::sqrt(std::tgamma(1 / fit.shape)) / std::sqrt(std::tgamma(3 / fit.shape)));
}

// Appends the 18 numbers of one scale; false where a fit is impossible.
bool append_scale(const Plane& plane, std::vector<float>& values) {
  const Plane pixels = normalized(plane);
  const std::optional<Fit> single = fit(pixels);
  if (!single) return false;
  values.push_back(float(single->shape));
  values.push_back(float(single->left * single->left + single->right * single->right) / 2);
  for (const auto& [down, right] : {std::pair{0, 1}, {1, 0}, {1, 1}, {-1, 1}}) {
    const std::optional<Fit> pairs = fit(products(pixels, down, right));
    if (!pairs) return false;
    for (const double value :
         {pairs->shape, mean_of(*pairs), pairs->left * pairs->left, pairs->right * pairs->right})
      values.push_back(float(value));
  }
  return true;
}

}  // namespace

BrisqueFeatures brisque_features(const io::Image& image) {
  BrisqueFeatures features;
  if (std::min(image.height, image.width) < kBrisqueLeastSide) {
    features.failure =
        cat("picture of ", image.width, " x ", image.height, " pixels is too small for brisque, which needs ",
            kBrisqueLeastSide, " x ", kBrisqueLeastSide);
    return features;
  }
  const Plane gray = gray_of(image);
  std::vector<float> values;
  if (!append_scale(gray, values) || !append_scale(half_size(gray), values)) {
    features.failure = "picture is too flat for brisque";
    return features;
  }
  GAMUT_CHECK(values.size() == features.values.size(), "got ", values.size(), " features");
  std::copy(values.begin(), values.end(), features.values.begin());
  return features;
}

}  // namespace gamut::rewards
