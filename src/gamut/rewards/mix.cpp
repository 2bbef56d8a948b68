// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/mix.h"

#include "gamut/core/error.h"
#include "gamut/rewards/pictures.h"

#include <algorithm>

namespace gamut::rewards {
namespace {

class Mix : public Reward {
 public:
  explicit Mix(std::vector<MixPart> parts) : parts_(std::move(parts)) {}

  std::string name() const override {
    std::string text;
    for (const MixPart& part : parts_)
      text += cat(text.empty() ? "" : " + ", part.weight, " ", part.reward->name());
    return text;
  }

  std::string lacks(const text::Prompt& prompt) const override {
    for (const MixPart& part : parts_)
      if (const std::string why = part.reward->lacks(prompt); !why.empty())
        return cat(part.reward->name(), ": ", why);
    return "";
  }

  bool reads_text() const override {
    return std::any_of(parts_.begin(), parts_.end(),
                       [](const MixPart& part) { return part.reward->reads_text(); });
  }

  Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    Scores sum = start_scores(pictures, prompts);
    for (size_t i = 0; i < prompts.size(); ++i)
      if (sum.failure[i].empty()) sum.value[i] = 0;
    for (const MixPart& part : parts_) add(part, score_checked(*part.reward, pictures, prompts), sum);
    return sum;
  }

 private:
  static void add(const MixPart& part, Scores scores, Scores& sum) {
    for (size_t i = 0; i < scores.value.size(); ++i) {
      if (!sum.failure[i].empty()) continue;
      if (!scores.failure[i].empty()) {
        fail(sum, int64_t(i), cat(part.reward->name(), ": ", scores.failure[i]));
        continue;
      }
      sum.value[i] += part.weight * scores.value[i];
      sum.exact[i] = std::max(sum.exact[i], scores.exact[i]);
    }
    sum.parts[part.reward->name()] = std::move(scores.value);
  }

  std::vector<MixPart> parts_;
};

}  // namespace

std::unique_ptr<Reward> make_mix(std::vector<MixPart> parts) {
  return std::make_unique<Mix>(std::move(parts));
}

}  // namespace gamut::rewards
