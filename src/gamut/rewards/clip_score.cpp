// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/clip_score.h"

#include "gamut/rewards/clip_pictures.h"
#include "gamut/rewards/pictures.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <map>

namespace gamut::rewards {
namespace {

class ClipScore : public Reward {
 public:
  explicit ClipScore(const std::filesystem::path& folder) : clip_(models::Clip::open(folder, {})) {}

  std::string name() const override { return "clip_score"; }

  Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    Scores scores = start_scores(pictures, prompts);
    const at::Tensor images = clip_picture_embeddings(clip_, pictures).to(at::kDouble);
    std::map<std::string, at::Tensor> texts;  // groups share their prompt
    for (size_t i = 0; i < prompts.size(); ++i) {
      if (!scores.failure[i].empty()) continue;
      at::Tensor& text = texts[prompts[i].text];
      if (!text.defined()) text = embed(prompts[i].text);
      scores.value[i] = images[int64_t(i)].dot(text).item<double>();
    }
    return scores;
  }

 private:
  // Each text by itself: its embedding does not depend on the batch.
  at::Tensor embed(const std::string& text) const {
    const at::NoGradGuard no_grad;
    return clip_.text_embeddings(clip_.tokenize({text})).squeeze(0).to(at::kCPU, at::kDouble);
  }

  models::Clip clip_;
};

}  // namespace

std::unique_ptr<Reward> make_clip_score(const std::filesystem::path& folder) {
  return std::make_unique<ClipScore>(folder);
}

}  // namespace gamut::rewards
