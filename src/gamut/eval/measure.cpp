// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/evaluate.h"

#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/data/glyphs.h"
#include "gamut/diversity/distances.h"
#include "gamut/diversity/features.h"
#include "gamut/diversity/measures.h"
#include "gamut/diversity/pixels.h"
#include "gamut/diversity/vendi.h"
#include "gamut/nn/images.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <span>

namespace gamut::eval {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Mean over the scored pictures of rows [begin, end); NaN when none was scored.
double mean_scored(const rewards::Scores& scores, bool exact, size_t begin, size_t end) {
  double sum = 0, count = 0;
  for (size_t i = begin; i < end; ++i)
    if (scores.failure[i].empty()) {
      sum += exact ? double(scores.exact[i]) : scores.value[i];
      count += 1;
    }
  return count == 0 ? kNone : sum / count;
}

// One mean over all pictures and one for each prompt's.
void add_scores(const rewards::Scores& scores, const char* key, bool exact, double Evaluation::*total,
                Evaluation& out) {
  out.*total = mean_scored(scores, exact, 0, scores.value.size());
  const size_t members = size_t(out.members);
  for (size_t begin = 0; begin < scores.value.size(); begin += members)
    out.per_prompt[key].push_back(mean_scored(scores, exact, begin, begin + members));
}

// One prompt's measures of variety and look.
void add_variety(std::span<const io::Image> images, const at::Tensor& pictures, const at::Tensor& features,
                 Evaluation& out) {
  auto add = [&](const char* key, double Evaluation::*total, double value) {
    out.*total += value / double(out.prompts);
    out.per_prompt[key].push_back(value);
  };
  std::vector<diversity::InkAndGround> colors;
  double contrast = 0;
  for (const io::Image& image : images) {
    colors.push_back(diversity::split_colors(image));
    contrast += colors.back().contrast / double(images.size());
  }
  add("color_pairs", &Evaluation::color_pairs, diversity::effective_color_pairs(colors));
  add("color_spread", &Evaluation::color_spread, diversity::color_spread(images));
  add("pairwise_distance", &Evaluation::pairwise_distance, diversity::pixel_pairwise_distance(images));
  add("vendi", &Evaluation::vendi, diversity::vendi_from_features(diversity::pixel_features(pictures)));
  add("feature_distance", &Evaluation::feature_distance,
      diversity::pairwise_mean(diversity::cosine_distances(features)));
  add("feature_vendi", &Evaluation::feature_vendi, diversity::vendi_from_features(features));
  add("high_frequency", &Evaluation::high_frequency, diversity::high_frequency_energy(images));
  add("contrast", &Evaluation::contrast, contrast);
}

void check_finite(const at::Tensor& pictures) {
  const int64_t count = pictures.size(0), finite = pictures.isfinite().flatten(1).all(1).sum().item<int64_t>();
  if (finite < count)
    throw NumericalError("eval", cat("pictures must be finite numbers; got ", count - finite, " of ", count,
                                     " with a NaN or an infinity; the model's weights are damaged"));
}

bool colors_match(const io::Image& image, const text::Prompt& prompt) {
  const diversity::InkAndGround found = diversity::split_colors(image);
  auto is = [](const diversity::Rgb& rgb, const std::string& name) {
    return data::glyph_colors()[size_t(data::nearest_color(rgb))].name == name;
  };
  return is(found.ink, prompt.attributes.at("ink")) && is(found.ground, prompt.attributes.at("ground"));
}

bool asks_for_colors(const text::Prompt& prompt) {
  return prompt.attributes.contains("ink") && prompt.attributes.contains("ground");
}

// Nothing is recorded where no prompt asks for two colors.
void add_obeyed_colors(const std::vector<io::Image>& images, const std::vector<text::Prompt>& prompts,
                       Evaluation& out) {
  const size_t members = size_t(out.members);
  double obeyed = 0, asked = 0;
  std::vector<double> shares;
  for (size_t p = 0; p < prompts.size(); ++p) {
    shares.push_back(kNone);
    if (!asks_for_colors(prompts[p])) continue;
    double matching = 0;
    for (size_t i = p * members; i < (p + 1) * members; ++i) matching += colors_match(images[i], prompts[p]);
    shares.back() = matching / double(members);
    obeyed += matching;
    asked += double(members);
  }
  if (asked == 0) return;
  out.colors_obeyed = obeyed / asked;
  out.per_prompt["colors_obeyed"] = shares;
}

}  // namespace

Evaluation measure(const at::Tensor& pictures, const std::vector<text::Prompt>& prompts, const Judges& judges) {
  const int64_t members = pictures.size(0) / int64_t(prompts.size());
  std::vector<text::Prompt> asked;
  for (const text::Prompt& prompt : prompts) asked.insert(asked.end(), size_t(members), prompt);
  check_finite(pictures);
  const rewards::Scores reward = rewards::score_checked(judges.reward, pictures, asked),
                        judge = rewards::score_checked(judges.judge, pictures, asked);

  Evaluation out;
  out.prompts = int64_t(prompts.size());
  out.members = members;
  add_scores(reward, "reward", false, &Evaluation::reward, out);
  add_scores(reward, "reward_exact", true, &Evaluation::reward_exact, out);
  add_scores(judge, "judge", false, &Evaluation::judge, out);
  add_scores(judge, "judge_exact", true, &Evaluation::judge_exact, out);
  out.reward_failures = reward.num_failed();
  out.judge_failures = judge.num_failed();
  out.reward_failure = printable(reward.first_failure());
  out.judge_failure = printable(judge.first_failure());
  const std::vector<io::Image> images = nn::tensor_to_images(pictures);
  const at::Tensor features =
      judges.features ? judges.features->extract(pictures) : diversity::pixel_features(pictures);
  for (int64_t p = 0; p < out.prompts; ++p)
    add_variety(std::span(images).subspan(size_t(p * members), size_t(members)),
                pictures.narrow(0, p * members, members), features.narrow(0, p * members, members), out);
  add_obeyed_colors(images, prompts, out);
  return out;
}

}  // namespace gamut::eval
