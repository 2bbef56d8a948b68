// SPDX-License-Identifier: Apache-2.0
#include "gamut/algorithms/subset.h"

#include "gamut/algorithms/moments.h"
#include "gamut/core/error.h"
#include "gamut/core/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

namespace gamut::algorithms {
namespace {

// Rules work on ranks: positions in the sorted rewards. Two values closer than this share of the range are a
// tie.
constexpr double kTie = 1e-12;

struct Ranked {
  std::vector<int64_t> order;  // member at each rank; equal rewards by index
  std::vector<double> sorted;
};

using Ranks = std::vector<int64_t>;

Ranked rank_of(const std::vector<double>& rewards) {
  Ranked ranked{.order = std::vector<int64_t>(rewards.size()), .sorted = {}};
  std::iota(ranked.order.begin(), ranked.order.end(), 0);
  std::stable_sort(ranked.order.begin(), ranked.order.end(),
                   [&](int64_t a, int64_t b) { return rewards[size_t(a)] < rewards[size_t(b)]; });
  for (const int64_t member : ranked.order) ranked.sorted.push_back(rewards[size_t(member)]);
  return ranked;
}

Ranks range_of(int64_t start, int64_t count) {
  Ranks ranks(static_cast<size_t>(count));
  std::iota(ranks.begin(), ranks.end(), start);
  return ranks;
}

std::vector<double> values_at(const Ranked& ranked, const Ranks& ranks) {
  std::vector<double> values;
  for (const int64_t rank : ranks) values.push_back(ranked.sorted[size_t(rank)]);
  return values;
}

double std_at(const Ranked& ranked, const Ranks& ranks) { return std_of(values_at(ranked, ranks)); }

double tie_margin(const Ranked& ranked) { return kTie * (ranked.sorted.back() - ranked.sorted.front()); }

// The subset of least variance is a contiguous window of the sorted rewards; ties go to the lower one.
Ranks min_variance(const Ranked& ranked, int64_t keep) {
  int64_t best = 0;
  double least = std_at(ranked, range_of(0, keep));
  for (int64_t start = 1; start + keep <= int64_t(ranked.order.size()); ++start) {
    const double std = std_at(ranked, range_of(start, keep));
    if (std < least - tie_margin(ranked)) {
      best = start;
      least = std;
    }
  }
  return range_of(best, keep);
}

// The lowest `low` and the highest `high` ranks.
Ranks both_ends(const Ranked& ranked, int64_t low, int64_t high) {
  Ranks ranks = range_of(0, low);
  const Ranks top = range_of(int64_t(ranked.order.size()) - high, high);
  ranks.insert(ranks.end(), top.begin(), top.end());
  return ranks;
}

// The subset of largest variance is a prefix and a suffix of the sorted rewards; ties go to the longer
// suffix.
Ranks max_variance(const Ranked& ranked, int64_t keep) {
  Ranks best = both_ends(ranked, 0, keep);
  for (int64_t low = 1; low <= keep; ++low) {
    Ranks ranks = both_ends(ranked, low, keep - low);
    if (std_at(ranked, ranks) > std_at(ranked, best) + tie_margin(ranked)) best = std::move(ranks);
  }
  return best;
}

// The `keep` rewards nearest to a center; ties go to the lower.
Ranks nearest_to(const Ranked& ranked, double center, int64_t keep) {
  int64_t start = 0;
  const int64_t last = int64_t(ranked.order.size()) - keep;
  const auto away = [&](int64_t rank) { return std::abs(ranked.sorted[size_t(rank)] - center); };
  while (start < last && away(start + keep) < away(start) - tie_margin(ranked)) ++start;
  return range_of(start, keep);
}

double median_of(const std::vector<double>& sorted) {
  const size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// Its size varies with the rewards; never fewer than two.
Ranks sigma_band(const Ranked& ranked, double kappa) {
  const double center = mean_of(ranked.sorted), reach = kappa * std_of(ranked.sorted) + tie_margin(ranked);
  Ranks ranks;
  for (int64_t rank = 0; rank < int64_t(ranked.order.size()); ++rank)
    if (std::abs(ranked.sorted[size_t(rank)] - center) <= reach) ranks.push_back(rank);
  const int64_t least = std::min<int64_t>(2, int64_t(ranked.order.size()));
  return int64_t(ranks.size()) >= least ? ranks : nearest_to(ranked, center, least);
}

// Evenly spaced ranks, first and last among them: the kept rewards are distributed as the candidates'.
Ranks stratified(const Ranked& ranked, int64_t keep) {
  const int64_t last = int64_t(ranked.order.size()) - 1;
  if (keep == 1) return {last / 2};
  Ranks ranks;
  for (int64_t k = 0; k < keep; ++k) ranks.push_back((2 * k * last + keep - 1) / (2 * (keep - 1)));
  return ranks;
}

Ranks random_ranks(const Ranked& ranked, int64_t keep, uint64_t seed, const std::vector<int64_t>& key) {
  GAMUT_CHECK(key.size() == 2, "the key is (iteration, group); got ", key.size(), " numbers");
  Ranks ranks = Stream(seed, "subset", {key[0], key[1]}).permutation(int64_t(ranked.order.size()));
  ranks.resize(size_t(keep));
  return ranks;
}

Ranks apply(const std::string& rule, const Ranked& ranked, const SubsetConfig& config, int64_t keep,
            uint64_t seed, const std::vector<int64_t>& key) {
  const int64_t count = int64_t(ranked.order.size());
  if (rule == "min_variance") return min_variance(ranked, keep);
  if (rule == "nearest_mean") return nearest_to(ranked, mean_of(ranked.sorted), keep);
  if (rule == "nearest_median") return nearest_to(ranked, median_of(ranked.sorted), keep);
  if (rule == "trim") return range_of((count - keep) / 2, keep);
  if (rule == "sigma_band") return sigma_band(ranked, config.kappa);
  if (rule == "upper_trim") return range_of(0, keep);
  if (rule == "top_bottom") return both_ends(ranked, keep / 2, keep - keep / 2);
  if (rule == "max_variance") return max_variance(ranked, keep);
  if (rule == "random") return random_ranks(ranked, keep, seed, key);
  return stratified(ranked, keep);  // and "all" as a fallback
}

Subset subset_of(const Ranked& ranked, const Ranks& ranks, double std, double candidates_std,
                 int64_t fallbacks) {
  Subset subset{
      .kept = {}, .std_ratio = candidates_std > 0 ? std / candidates_std : 1.0, .fallbacks = fallbacks};
  for (const int64_t rank : ranks) subset.kept.push_back(ranked.order[size_t(rank)]);
  std::sort(subset.kept.begin(), subset.kept.end());
  return subset;
}

void check_size(int64_t keep, int64_t count) {
  if (keep < 1) throw ConfigError("subset", cat("at least one member must be kept; got keep = ", keep));
  if (keep > count)
    throw ConfigError("subset",
                      cat("more members are to be kept than there are candidates; got keep = ", keep,
                          "; expected at most ", count, "; lower subset.keep or raise subset.candidates"));
}

}  // namespace

void SubsetConfig::fields(FieldVisitor& v) {
  std::vector<std::string> rules{"min_variance", "nearest_mean", "nearest_median", "trim",
                                 "sigma_band",   "upper_trim",   "stratified",     "top_bottom",
                                 "max_variance", "random"};
  std::vector<std::string> kinds = rules;
  kinds.insert(kinds.begin(), "all");
  v.field("kind", kind, one_of(kinds), "which of a prompt's candidates train; chosen on the task reward");
  v.field("candidates", candidates, between(0, 4096), "pictures drawn per prompt; 0: 2 x rollout.group_size");
  v.field("keep", keep, between(0, 4096), "pictures trained per prompt; 0: rollout.group_size");
  v.field("scope", scope, one_of({"group", "batch"}),
          "top_bottom: keep in every group, or as many in all, pairs of extremes further apart first");
  v.field("kappa", kappa, above(0), "sigma_band: |reward - mean| <= kappa std");
  v.field("std_floor", std_floor, between(0, 1),
          "a subset whose reward std is under this share of the candidates' is refused; 0: no guard");
  v.field("fallback", fallback, one_of(kinds),
          "rules tried in order when one is refused (all: as stratified)");
}

void check_subset(const SubsetConfig& config) {
  if (config.scope == "batch" && config.kind != "top_bottom")
    throw ConfigError("subset", cat("scope = batch goes with kind = top_bottom; got kind = ", config.kind));
}

Subset choose_subset(const std::vector<double>& rewards, const SubsetConfig& config, int64_t keep,
                     uint64_t seed, const std::vector<int64_t>& key) {
  const int64_t count = int64_t(rewards.size());
  if (!config.is_on()) return {.kept = range_of(0, count), .std_ratio = 1, .fallbacks = 0};
  check_size(keep, count);
  if (all_equal(rewards)) return {.kept = range_of(0, keep), .std_ratio = 1, .fallbacks = 0};

  const Ranked ranked = rank_of(rewards);
  const double candidates_std = std_of(ranked.sorted);
  std::vector<std::string> rules{config.kind};
  rules.insert(rules.end(), config.fallback.begin(), config.fallback.end());
  for (size_t i = 0;; ++i) {
    const Ranks ranks = apply(rules[i], ranked, config, keep, seed, key);
    const double std = std_at(ranked, ranks);
    // A single member has no std to judge; the last rule is taken as it is.
    const bool served = std >= config.std_floor * candidates_std || keep == 1;
    if (served || i + 1 == rules.size())
      return subset_of(ranked, ranks, std, candidates_std, int64_t(i) + (served ? 0 : 1));
  }
}

std::vector<int64_t> allocate_by_reward_gap(const std::vector<std::vector<double>>& rewards,
                                            const std::vector<int64_t>& planned) {
  struct Pair {
    double difference = 0;
    size_t depth = 0, group = 0;
    int64_t members = 2;
  };
  std::vector<Pair> pairs;
  int64_t left = 0;
  for (size_t group = 0; group < rewards.size(); ++group) {
    if (rewards[group].empty()) continue;
    check_size(planned[group], int64_t(rewards[group].size()));
    left += planned[group];
    const std::vector<double> sorted = rank_of(rewards[group]).sorted;
    for (size_t low = 0, high = sorted.size() - 1; low <= high && high < sorted.size(); ++low, --high)
      pairs.push_back({sorted[high] - sorted[low], low, group, low < high ? 2 : 1});
  }
  std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
    return std::tuple(-a.difference, a.depth, a.group) < std::tuple(-b.difference, b.depth, b.group);
  });
  std::vector<int64_t> keeps(rewards.size(), 0);
  for (const Pair& pair : pairs) {
    const int64_t taken = std::min(pair.members, left);
    keeps[pair.group] += taken;
    left -= taken;
  }
  return keeps;
}

}  // namespace gamut::algorithms
