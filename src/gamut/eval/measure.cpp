// SPDX-License-Identifier: Apache-2.0
// measure() of evaluate.h: the table's rows on one set of pictures.
#include "gamut/core/error.h"
#include "gamut/core/names.h"
#include "gamut/diversity/features.h"
#include "gamut/eval/evaluate.h"
#include "gamut/nn/images.h"
#include "gamut/rewards/gather_scores.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace gamut::eval {
namespace {

void check_finite(const at::Tensor& pictures) {
  const int64_t count = pictures.size(0),
                finite = pictures.isfinite().flatten(1).all(1).sum().item<int64_t>();
  if (finite < count)
    throw NumericalError("eval", cat("pictures must be finite numbers; got ", count - finite, " of ", count,
                                     " with a NaN or an infinity; the model's weights are damaged"));
}

// One number over all pictures and one for each prompt's.
void add_measure(const Measure& row, const MeasuredPictures& all, Evaluation& out) {
  const size_t members = size_t(out.members);
  std::vector<double> values;
  double mean = 0;
  for (size_t begin = 0; begin < all.images.size(); begin += members) {
    values.push_back(row.value(all.rows(begin, members)));
    mean += values.back() / double(out.prompts);
  }
  const bool equal =
      std::all_of(values.begin(), values.end(), [&](double value) { return value == values.front(); });
  if (equal) mean = values.front();  // whatever rounding would leave: a base's recall is 1
  out.values.emplace_back(row.key, row.scope == Scope::kPrompt ? mean : row.value(all));
  out.per_prompt[row.key] = std::move(values);
}

void add_failures(const rewards::Scores& reward, const rewards::Scores& judge, Evaluation& out) {
  out.reward_failures = reward.num_failed();
  out.judge_failures = judge.num_failed();
  out.reward_failure = printable(reward.first_failure());
  out.judge_failure = printable(judge.first_failure());
}

rewards::Scores scores_of(rewards::Reward& reward, const at::Tensor& pictures,
                          const std::vector<text::Prompt>& asked, comm::Group* group) {
  return group == nullptr ? rewards::score_checked(reward, pictures, asked)
                          : rewards::score_shared(reward, pictures, asked, *group);
}

at::Tensor features_of(const Judges& judges, const at::Tensor& pictures) {
  if (judges.features == nullptr) return diversity::pixel_features(pictures).to(at::kCPU);
  rewards::Share mine{.is_all = true};
  if (judges.group != nullptr) mine = rewards::share_of(pictures.size(0), *judges.group);
  if (mine.is_all) return judges.features->extract(pictures);
  return judges.group->gather_rows(
      judges.features->extract(pictures.narrow(0, mine.first, mine.last - mine.first)));
}

}  // namespace

Measured measure(const at::Tensor& pictures, const std::vector<text::Prompt>& prompts, const Judges& judges,
                 const at::Tensor& norms_SB, const BasePass& base) {
  const int64_t members = pictures.size(0) / int64_t(prompts.size());
  std::vector<text::Prompt> asked;
  for (const text::Prompt& prompt : prompts) asked.insert(asked.end(), size_t(members), prompt);
  check_finite(pictures);
  const rewards::Scores reward = scores_of(judges.reward, pictures, asked, judges.group),
                        judge = scores_of(judges.judge, pictures, asked, judges.group);
  const at::Tensor features = features_of(judges, pictures);
  Measured out{.numbers = {}, .pictures = pictures, .trace = {features, norms_SB}};
  out.numbers.prompts = int64_t(prompts.size());
  out.numbers.members = members;
  add_failures(reward, judge, out.numbers);
  if (judges.group != nullptr && !judges.group->leads()) return out;  // whose numbers nobody reads
  const PictureClasses classes = judges.classifier ? judges.classifier->classify(pictures) : PictureClasses{};
  const std::vector<io::Image> images = nn::tensor_to_images(pictures);
  const MeasuredPictures all{.images = images,
                             .prompts = asked,
                             .pictures_BCHW = pictures,
                             .drawn = out.trace,
                             .base = base.is_measured ? out.trace : base.trace,
                             .reward = &reward,
                             .judge = &judge,
                             .reward_reads = judges.reward.reads_text(),
                             .judge_reads = judges.judge.reads_text(),
                             .classes = judges.classifier ? &classes : nullptr};
  for (const Measure& row : measure_table())
    if (row.applies(all)) add_measure(row, all, out.numbers);
  return out;
}

}  // namespace gamut::eval
