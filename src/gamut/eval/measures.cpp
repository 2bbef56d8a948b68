// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/measures.h"

#include "gamut/core/error.h"
#include "gamut/diversity/distances.h"
#include "gamut/diversity/features.h"
#include "gamut/diversity/irs.h"
#include "gamut/diversity/measures.h"
#include "gamut/diversity/pixels.h"
#include "gamut/diversity/tonal.h"
#include "gamut/diversity/vendi.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

namespace gamut::eval {
namespace {

using Pictures = MeasuredPictures;
constexpr const char* kHeldoutPrefix = "heldout.";

// Mean over the scored pictures; NaN when none was scored.
double mean_scored(const rewards::Scores& scores, bool exact, const Pictures& pictures) {
  double sum = 0, count = 0;
  for (size_t i = pictures.first; i < pictures.first + pictures.images.size(); ++i)
    if (scores.failure[i].empty()) {
      sum += exact ? double(scores.exact[i]) : scores.value[i];
      count += 1;
    }
  return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / count;
}

double share_of_base_pictures(const Pictures& pictures) {
  return diversity::retrieval_score(pictures.drawn.features_BD, pictures.base.features_BD).irs_infinity;
}

bool has_base_features(const Pictures& pictures) {
  const at::Tensor &drawn = pictures.drawn.features_BD, &base = pictures.base.features_BD;
  return base.defined() && base.sizes() == drawn.sizes() && base.isfinite().all().item<bool>() &&
         drawn.isfinite().all().item<bool>();
}

double norm_against_base(const Pictures& pictures) {
  return (pictures.drawn.norms_SB / pictures.base.norms_SB).to(at::kDouble).mean().item<double>();
}

bool has_base_norms(const Pictures& pictures) {
  const at::Tensor &drawn = pictures.drawn.norms_SB, &base = pictures.base.norms_SB;
  return drawn.defined() && base.defined() && drawn.sizes() == base.sizes() && base.gt(0).all().item<bool>();
}

std::vector<Measure> quality_rows() {
  const std::string share = "share of pictures";
  return {{.key = "reward",
           .label = "reward (mean)",
           .unit = "",
           .scope = Scope::kRun,
           .value = [](const Pictures& p) { return mean_scored(*p.reward, false, p); },
           .title = "Training reward",
           .about = "what the method was trained on"},
          {.key = "reward_exact",
           .label = "reward: read exactly",
           .unit = share,
           .scope = Scope::kRun,
           .value = [](const Pictures& p) { return mean_scored(*p.reward, true, p); },
           .applies = [](const Pictures& p) { return p.reward_reads; },
           .title = "Training reward: exact",
           .about = "share of pictures that the reward reads exactly as asked"},
          {.key = "judge",
           .label = "judge (mean)",
           .unit = "",
           .scope = Scope::kRun,
           .value = [](const Pictures& p) { return mean_scored(*p.judge, false, p); },
           .title = "Independent judge",
           .about = "a second opinion that never trains"},
          {.key = "judge_exact",
           .label = "judge: read exactly",
           .unit = share,
           .scope = Scope::kRun,
           .value = [](const Pictures& p) { return mean_scored(*p.judge, true, p); },
           .applies = [](const Pictures& p) { return p.judge_reads; },
           .title = "Judge: exact",
           .about = "share of pictures that the judge reads exactly as asked",
           .family = "judge"}};
}

std::vector<Measure> variety_rows() {
  using namespace diversity;
  return {{.key = "color_spread",
           .label = "color spread",
           .unit = "",
           .value = [](const Pictures& p) { return color_spread(p.images); },
           .title = "Spread of color",
           .about = "how far apart the pictures' mean colors are"},
          {.key = "pairwise_distance",
           .label = "pairwise distance",
           .unit = "",
           .value = [](const Pictures& p) { return pixel_pairwise_distance(p.images); },
           .title = "Pixel difference",
           .about = "how much two pictures of one prompt differ, pixel by pixel"},
          {.key = "vendi",
           .label = "Vendi score",
           .unit = "pictures",
           .value =
               [](const Pictures& p) {
                 return vendi_from_features(pixel_features(p.pictures_BCHW).to(at::kCPU));
               },
           .title = "Different pictures, coarse",
           .about = "effective number of different pictures on 8×8 pixels"},
          {.key = "feature_distance",
           .label = "feature distance",
           .unit = "",
           .value = [](const Pictures& p) { return pairwise_mean(cosine_distances(p.drawn.features_BD)); },
           .title = "Difference in look",
           .about = "how different two pictures of one prompt look to a feature network"},
          {.key = "feature_vendi",
           .label = "feature Vendi",
           .unit = "pictures",
           .value = [](const Pictures& p) { return vendi_from_features(p.drawn.features_BD); },
           .title = "Different looks",
           .about = "effective number of different-looking pictures"},
          {.key = "recall",
           .label = "recall of the base",
           .unit = "share of the base's pictures",
           .value = share_of_base_pictures,
           .applies = has_base_features,
           .title = "Recall of the base",
           .about = "how many of the base's own pictures are still within reach",
           .family = "recall"},
          {.key = "pvs",
           .label = "tonal variety (PVS)",
           .unit = "",
           .scope = Scope::kRun,
           .value = [](const Pictures& p) { return tonal_variety(p.pictures_BCHW); },
           .title = "Tonal variety",
           .about = "spread of saturation, brightness and contrast over all pictures",
           .family = "tone"}};
}

std::vector<Measure> look_rows() {
  return {{.key = "prediction_norm",
           .label = "norm against the base's",
           .unit = "ratio",
           .direction = Direction::kNone,
           .scope = Scope::kRun,
           .value = norm_against_base,
           .applies = has_base_norms,
           .title = "Output against the base",
           .about = "size of the network's output against the base's; above 1 it is inflated"},
          {.key = "high_frequency",
           .label = "high-frequency energy",
           .unit = "share of energy",
           .direction = Direction::kDown,
           .value = [](const Pictures& p) { return diversity::high_frequency_energy(p.images); },
           .title = "Grid texture",
           .about = "share of pixel-scale noise; the artifact of hard training"}};
}

std::vector<Measure>& rows_of_table() {
  static std::vector<Measure> table = [] {
    std::vector<Measure> rows = quality_rows();
    for (const auto& more : {variety_rows(), look_rows()}) rows.insert(rows.end(), more.begin(), more.end());
    return rows;
  }();
  return table;
}

}  // namespace

MeasuredPictures MeasuredPictures::rows(size_t begin, size_t count) const {
  MeasuredPictures part = *this;
  const auto cut = [&](const at::Tensor& whole, int64_t dim) {
    return whole.defined() ? whole.narrow(dim, int64_t(begin), int64_t(count)) : whole;
  };
  part.images = images.subspan(begin, count);
  part.prompts = prompts.subspan(begin, count);
  part.pictures_BCHW = cut(pictures_BCHW, 0);
  part.drawn = {cut(drawn.features_BD, 0), cut(drawn.norms_SB, 1)};
  part.base = {cut(base.features_BD, 0), cut(base.norms_SB, 1)};
  part.first = first + begin;
  return part;
}

const std::vector<Measure>& measure_table() { return rows_of_table(); }

void add_measures(std::vector<Measure> rows) {
  for (Measure& row : rows) {
    GAMUT_CHECK(!find_measure(row.key), "measure added twice: ", row.key);
    rows_of_table().push_back(std::move(row));
  }
}

const Measure* find_measure(const std::string& key) {
  const std::vector<Measure>& table = measure_table();
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Measure& row) { return row.key == key; });
  return found == table.end() ? nullptr : &*found;
}

std::string present_key(const std::string& key) {
  const std::string prefix = key.starts_with(kHeldoutPrefix) ? kHeldoutPrefix : "",
                    bare = key.substr(prefix.size());
  for (const Measure& row : measure_table())
    if (!row.former.empty() && row.former == bare) return prefix + row.key;
  return key;
}

std::string direction_name(Direction direction) {
  return direction == Direction::kUp ? "up" : direction == Direction::kDown ? "down" : "";
}

std::string scope_name(Scope scope) {
  return scope == Scope::kPrompt ? "prompt" : scope == Scope::kRun ? "run" : "held-out";
}

}  // namespace gamut::eval
