// SPDX-License-Identifier: Apache-2.0
// gamut as a library: fine-tunes the glyph base on a reward of one's own, here how warm a picture's colors
// are.
//
//   own_reward RUN [key=value …]        into the new folder RUN, a run like any other: gamut report RUN
#include "gamut/core/error.h"
#include "gamut/rewards/pictures.h"
#include "gamut/run/train_run.h"

#include <ATen/ATen.h>

#include <cstdio>

namespace {

using namespace gamut;

class Warmth : public rewards::Reward {
 public:
  std::string name() const override { return "warmth"; }
  // pictures [B, 3, H, W] in [0, 1]
  rewards::Scores score(const at::Tensor& pictures, std::span<const text::Prompt> prompts) override {
    rewards::Scores scores = rewards::start_scores(pictures, prompts);  // marks pictures that are not finite
    const at::Tensor mean = pictures.mean({2, 3});                      // [B, 3]
    for (size_t i = 0; i < prompts.size(); ++i)
      if (scores.failure[i].empty())
        scores.value[i] = (mean[int64_t(i)][0] - mean[int64_t(i)][2]).item<double>();
    return scores;
  }
};

}  // namespace

int main(int count, char** words) try {
  if (count < 2) throw ConfigError("usage", "own_reward RUN [key=value …]");
  const std::vector<std::string> sets(words + 2, words + count);
  Warmth reward;
  const run::TrainRecipe recipe = run::load_train_recipe("recipes/glyphs/gamut_gradient.toml", sets);
  // The recipe's judge, an independent reader, tells whether the glyphs stay readable.
  const run::TrainOutcome done = run::train(recipe, {.folder = words[1], .reward = &reward});
  std::printf("%s\n%s\n%s\n", done.table.c_str(), done.model.c_str(), done.sheet.c_str());
} catch (const gamut::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return int(error.code());
}
