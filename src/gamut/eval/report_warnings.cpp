// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/report_warnings.h"

#include "gamut/core/error.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <set>

namespace gamut::eval {
namespace {

std::string number(double value, const char* format = "%.3g") {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}
std::string percent(double share) { return number(100 * share, "%.0f") + " %"; }

// The values of one metric that are numbers, from the share `from` of the steps on.
std::vector<double> metric(const ReportRun& run, const std::string& key, double from = 0) {
  std::vector<double> out;
  const auto found = run.curves.values.find(key);
  if (found == run.curves.values.end()) return out;
  for (size_t i = size_t(from * double(found->second.size())); i < found->second.size(); ++i)
    if (std::isfinite(found->second[i])) out.push_back(found->second[i]);
  return out;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / double(values.size());
}

std::optional<double> at(const ReportEvaluation& row, const std::string& key) {
  const auto found = row.values.find(key);
  if (found == row.values.end() || !std::isfinite(found->second)) return std::nullopt;
  return found->second;
}

using Rows = std::vector<const ReportEvaluation*>;

class Rules {
 public:
  Rules(const ReportRun& run, const WarningLimits& limits)
      : run_(run), limits_(limits), rows_(rows_of(run, "select")) {}

  std::vector<Warning> apply() {
    unfinished();
    ratio();
    collapse();
    hacking();
    zero_groups();
    still_rising();
    fallbacks();
    skipped();
    return std::move(found_);
  }

 private:
  template <class... Parts>
  void warn(const char* rule, const Parts&... parts) {
    found_.push_back({.rule = rule, .run = run_.name, .text = cat(parts...)});
  }

  void unfinished() {
    if (run_.finished) return;
    warn("unfinished", "The run has made ", run_.steps_done, " of ", run_.iterations,
         " iterations; its numbers are not final.");
    if (rows_.empty())
      warn("unfinished", "The run has no evaluation yet; charts of quality and variety leave it out.");
  }

  void ratio() {
    const std::vector<double> values = metric(run_, "ratio_max_deviation");
    if (values.empty()) return;
    const double worst = *std::max_element(values.begin(), values.end());
    if (worst > limits_.ratio)
      warn("ratio-off-1", "Rollout and update disagree about the policy: |ratio - 1| reached ", number(worst),
           " before an update, where 0 is expected. The training is not on-policy.");
  }

  // Effective numbers count from 1: one kind of picture is no variety.
  void collapse() {
    static const std::set<std::string> kFromOne{"color_pairs", "vendi", "feature_vendi"};
    if (rows_.size() < 2 || rows_.front()->step != 0) return;
    std::string lost;
    for (const std::string& key : kVariety) {
      const auto base = at(*rows_.front(), key), last = at(*rows_.back(), key);
      const double least = kFromOne.contains(key) ? 1 : 0;
      if (!base || !last || *base <= least) continue;
      const double kept = (*last - least) / (*base - least);
      if (kept < limits_.kept)
        lost += cat(lost.empty() ? "" : ", ", key, " (", number(*last), " of ", number(*base), ")");
    }
    if (!lost.empty()) warn("collapse", "Less than half of the base's variety is left in: ", lost, ".");
  }

  void hacking() {
    if (rows_.empty()) return;
    for (const char* key : {"judge", "judge_exact"}) {
      const ReportEvaluation* best = nullptr;
      for (const ReportEvaluation* row : rows_)
        if (at(*row, key) && (!best || *at(*row, key) > *at(*best, key))) best = row;
      const ReportEvaluation& last = *rows_.back();
      if (!best || !at(last, key) || !at(last, "reward") || !at(*best, "reward")) continue;
      const double fall = *at(*best, key) - *at(last, key), rise = *at(last, "reward") - *at(*best, "reward");
      if (fall <= limits_.judge_fall || rise <= 0) continue;
      warn("hacking", "From step ", best->step, " to ", last.step, " the training reward rose by ",
           number(rise), " while the independent ", key, " fell by ", number(fall),
           ". Later checkpoints please the reward, not the task.");
      return;
    }
  }

  void zero_groups() {
    const double share = mean(metric(run_, "zero_std_ratio", 0.75));
    if (share > limits_.zero_groups)
      warn("zero-variance-groups", "In the last quarter of the steps ", percent(share),
           " of the groups had equal rewards and taught nothing.");
  }

  void still_rising() {
    if (!run_.finished || rows_.size() < 3) return;
    const auto first = at(*rows_.front(), "reward"), before = at(*rows_[rows_.size() - 2], "reward"),
               last = at(*rows_.back(), "reward");
    if (!first || !before || !last || *last <= *first) return;
    const double share = (*last - *before) / (*last - *first);
    if (share > limits_.rise)
      warn("still-rising", "The reward was still rising at the end: the last interval brought ",
           percent(share), " of the whole gain. More iterations would change the picture.");
  }

  void fallbacks() {
    const std::vector<double> refused = metric(run_, "subset_fallbacks");
    const auto prompts = std::find_if(
        run_.settings.begin(), run_.settings.end(),
        [](const ReportSetting& setting) { return setting.key == "rollout.prompts_per_iteration"; });
    if (refused.empty() || prompts == run_.settings.end()) return;
    const double given = std::strtod(prompts->value.c_str(), nullptr);
    const double groups = given > 0 ? given : 4;  // what 0 stands for
    if (mean(refused) / groups > limits_.fallbacks)
      warn("subset-fell-back", "In ", percent(mean(refused) / groups),
           " of the groups the subset's own rule was refused and another chose the members.");
  }

  void skipped() {
    const std::vector<double> total = metric(run_, "skipped_total"),
                              failures = metric(run_, "reward_failures");
    if (!total.empty() && total.back() > 0)
      warn("skipped-updates", number(total.back(), "%.0f"),
           " updates were skipped because loss or gradient was not finite or spiked.");
    if (mean(failures) > 0)
      warn("reward-failures", "The reward could not score ", number(mean(failures)),
           " pictures per iteration.");
    for (const ReportEvaluation* row : rows_)
      for (const char* who : {"reward", "judge"})
        if (const auto count = at(*row, cat(who, "_failures")); count && *count > 0)
          return unscored(*row, who, *count);
  }

  // Of the first evaluation with such pictures; means leave them out.
  void unscored(const ReportEvaluation& row, const std::string& who, double count) {
    const auto reason = row.reasons.find(who);
    warn("reward-failures", "In the evaluation of step ", row.step, " the ", who, " could not score ",
         number(count, "%.0f"), " of ",
         number(at(row, "prompts").value_or(0) * at(row, "members").value_or(0), "%.0f"), " pictures",
         reason == row.reasons.end() ? "" : "; first reason: " + reason->second, ". Means leave them out.");
  }

  const ReportRun& run_;
  const WarningLimits& limits_;
  const Rows rows_;
  std::vector<Warning> found_;
};

}  // namespace

std::vector<Warning> warnings_of(const ReportRun& run, const WarningLimits& limits) {
  return Rules(run, limits).apply();
}

}  // namespace gamut::eval
