// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/brisque.h"

#include "gamut/nn/images.h"
#include "gamut/rewards/brisque_model.h"
#include "gamut/rewards/pictures.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

namespace gamut::rewards {
namespace {

class Brisque : public Reward {
 public:
  explicit Brisque(BrisqueModel model) : model_(std::move(model)) {}

  std::string name() const override { return "brisque"; }

  Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    Scores scores = start_scores(pictures, prompts);
    const at::Tensor local = pictures.detach().to(at::kCPU, at::kFloat);
    at::parallel_for(0, int64_t(prompts.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        if (scores.failure[size_t(i)].empty()) score_one(local.narrow(0, i, 1), i, scores);
    });
    return scores;
  }

 private:
  void score_one(const at::Tensor& picture, int64_t index, Scores& scores) const {
    const BrisqueFeatures features = brisque_features(nn::tensor_to_images(picture).front());
    if (features.failure.empty())
      scores.value[size_t(index)] = (100 - model_.score(features)) / 100;
    else
      fail(scores, index, features.failure);
  }

  BrisqueModel model_;
};

}  // namespace

std::unique_ptr<Reward> make_brisque(const std::filesystem::path& model) {
  return std::make_unique<Brisque>(BrisqueModel(model));
}

}  // namespace gamut::rewards
