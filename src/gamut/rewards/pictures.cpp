// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/pictures.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gamut::rewards {

int64_t Scores::num_failed() const {
  return std::count_if(failure.begin(), failure.end(), [](const std::string& why) { return !why.empty(); });
}

const std::string& Scores::first_failure() const {
  static const std::string kNone;
  const auto first =
      std::find_if(failure.begin(), failure.end(), [](const std::string& why) { return !why.empty(); });
  return first == failure.end() ? kNone : *first;
}

void check_prompts(const Reward& reward, const std::string& key, std::span<const text::Prompt> prompts,
                   const std::string& file) {
  for (const text::Prompt& prompt : prompts) {
    const std::string why = reward.lacks(prompt);
    if (why.empty()) continue;
    throw DataError("prompts",
                    cat("'", file, "' line ", prompt.line, ": the ", key, " '", reward.name(),
                        "' cannot score pictures of '", printable(prompt.text, 80), "': ", why,
                        "; a prompt names its target in double quotes, or in a .jsonl file as \"target\"; "
                        "or choose another ",
                        key == "gate" ? "regularizer.gate_rewards" : key + ".kind"));
  }
}

Scores score_checked(Reward& reward, const at::Tensor& pictures, std::span<const text::Prompt> prompts) {
  Scores scores = reward.score(pictures, prompts);
  for (size_t i = 0; i < scores.value.size(); ++i)
    if (scores.failure[i].empty() && !std::isfinite(scores.value[i]))
      fail(scores, int64_t(i), "the reward is not finite");
  return scores;
}

Scores start_scores(const at::Tensor& pictures, std::span<const text::Prompt> prompts) {
  GAMUT_CHECK(pictures.dim() == 4 && pictures.size(1) == 3, "pictures must be [B, 3, H, W]");
  GAMUT_CHECK(pictures.size(0) == int64_t(prompts.size()), "got ", pictures.size(0), " pictures and ",
              prompts.size(), " prompts");
  const size_t count = prompts.size();
  Scores scores{std::vector<double>(count, std::numeric_limits<double>::quiet_NaN()),
                std::vector<uint8_t>(count, 0), std::vector<std::string>(count)};
  const at::Tensor finite = pictures.isfinite().flatten(1).all(1).to(at::kCPU);
  for (size_t i = 0; i < count; ++i)
    if (!finite[int64_t(i)].item<bool>()) fail(scores, int64_t(i), "non-finite picture");
  return scores;
}

void fail(Scores& scores, int64_t index, std::string why) {
  scores.value[size_t(index)] = std::numeric_limits<double>::quiet_NaN();
  scores.exact[size_t(index)] = 0;
  scores.failure[size_t(index)] = std::move(why);
}

std::span<const float> plane_values(const at::Tensor& pictures, int64_t index) {
  const size_t size = size_t(pictures.size(1) * pictures.size(2) * pictures.size(3));
  return {pictures.const_data_ptr<float>() + size_t(index) * size, size};
}

}  // namespace gamut::rewards
