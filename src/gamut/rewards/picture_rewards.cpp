// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/picture_rewards.h"

#include "gamut/io/jpeg.h"
#include "gamut/nn/images.h"
#include "gamut/rewards/pictures.h"

#include <ATen/ATen.h>

#include <cmath>

namespace gamut::rewards {
namespace {

constexpr int kQuality = 95;

// A reward that is a number of each 8-bit picture.
class PictureReward : public Reward {
 public:
  using Measure = double (*)(const io::Image& image);
  PictureReward(std::string name, Measure measure) : name_(std::move(name)), measure_(measure) {}

  std::string name() const override { return name_; }

  Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    Scores scores = start_scores(pictures, prompts);
    for (size_t i = 0; i < prompts.size(); ++i) {
      if (!scores.failure[i].empty()) continue;
      const at::Tensor one = pictures.narrow(0, int64_t(i), 1).detach().to(at::kCPU, at::kFloat);
      scores.value[i] = measure_(nn::tensor_to_images(one).front());
    }
    return scores;
  }

 private:
  std::string name_;
  Measure measure_;
};

double kilobytes(const io::Image& image) { return double(io::jpeg_size(image, kQuality)) / 1000; }

// Mean and population variance of one opponent color.
struct Opponent {
  double sum = 0, squares = 0;
  void add(double value) {
    sum += value;
    squares += value * value;
  }
  double mean(double count) const { return sum / count; }
  double variance(double count) const { return std::max(0.0, squares / count - mean(count) * mean(count)); }
};

double colorfulness(const io::Image& image) {
  Opponent red_green, yellow_blue;
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    const double red = image.pixels[i], green = image.pixels[i + 1], blue = image.pixels[i + 2];
    red_green.add(red - green);
    yellow_blue.add((red + green) / 2 - blue);
  }
  const size_t pixels = image.pixels.size() / 3;
  const double count = double(pixels);
  return std::sqrt(red_green.variance(count) + yellow_blue.variance(count)) +
         0.3 * std::hypot(red_green.mean(count), yellow_blue.mean(count));
}

}  // namespace

std::unique_ptr<Reward> make_jpeg_reward(JpegGoal goal) {
  if (goal == JpegGoal::kIncompressible)
    return std::make_unique<PictureReward>("jpeg_incompressibility", kilobytes);
  return std::make_unique<PictureReward>("jpeg_compressibility",
                                         [](const io::Image& image) { return -kilobytes(image); });
}

std::unique_ptr<Reward> make_colorfulness_reward() {
  return std::make_unique<PictureReward>("colorfulness", colorfulness);
}

}  // namespace gamut::rewards
