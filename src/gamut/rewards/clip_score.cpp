// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/clip_score.h"

#include "gamut/rewards/clip_pictures.h"
#include "gamut/rewards/pictures.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <map>

namespace gamut::rewards {
namespace {

// flow_grpo's divisor, which brings PickScore near 1.
constexpr double kPickScoreScale = 26;

class ClipScore : public Reward {
 public:
  ClipScore(std::string name, ClipPictures clip, double factor = 1)
      : name_(std::move(name)), clip_(std::move(clip)), factor_(factor) {}

  std::string name() const override { return name_; }

  Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    Scores scores = start_scores(pictures, prompts);
    const at::Tensor images = clip_.embed(pictures).to(at::kDouble);
    std::map<std::string, at::Tensor> texts;  // groups share their prompt
    for (size_t i = 0; i < prompts.size(); ++i) {
      if (!scores.failure[i].empty()) continue;
      at::Tensor& text = texts[prompts[i].text];
      if (!text.defined()) text = embed(prompts[i].text);
      scores.value[i] = factor_ * images[int64_t(i)].dot(text).item<double>();
    }
    return scores;
  }

 private:
  // Each text by itself: its embedding does not depend on the batch.
  at::Tensor embed(const std::string& text) const {
    const at::NoGradGuard no_grad;
    return clip_.clip().text_embeddings(clip_.clip().tokenize({text})).squeeze(0).to(at::kCPU, at::kDouble);
  }

  std::string name_;
  ClipPictures clip_;
  double factor_;
};

}  // namespace

std::unique_ptr<Reward> make_clip_score(const std::string& model, const Compute& compute) {
  return std::make_unique<ClipScore>("clip_score", ClipPictures(model, compute));
}

std::unique_ptr<Reward> make_pickscore(const std::string& model, const Compute& compute) {
  const ClipPictures clip(model, compute);
  const double scale = std::exp(clip.clip().logit_scale().item<double>());
  return std::make_unique<ClipScore>("pickscore", clip, scale / kPickScoreScale);
}

std::unique_ptr<Reward> make_hps(const std::string& model, const Compute& compute) {
  return std::make_unique<ClipScore>("hps", ClipPictures(model, compute));
}

}  // namespace gamut::rewards
