// SPDX-License-Identifier: Apache-2.0
#include "gamut/eval/family_ranks.h"

#include "gamut/core/error.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gamut::eval {
namespace {

double comparable(double value) {
  return std::isnan(value) ? -std::numeric_limits<double>::infinity() : value;
}

size_t place_of(const std::string& family, std::vector<std::string>& families) {
  const auto found = std::find(families.begin(), families.end(), family);
  if (found != families.end()) return size_t(found - families.begin());
  families.push_back(family);
  return families.size() - 1;
}

}  // namespace

std::vector<double> ranks_of(const std::vector<double>& values) {
  std::vector<double> ranks;
  for (const double value : values) {
    double better = 0, equal = 0;
    for (const double other : values) {
      better += comparable(other) > comparable(value);
      equal += comparable(other) == comparable(value);
    }
    ranks.push_back(better + (equal + 1) / 2);
  }
  return ranks;
}

FamilyRanks family_ranks(const std::vector<std::string>& methods, const std::vector<int64_t>& seeds,
                         const std::vector<RankedMeasure>& measures, double confidence) {
  GAMUT_CHECK(methods.size() >= 2 && !measures.empty() && !seeds.empty(), methods.size(), " methods, ",
              measures.size(), " measures");
  FamilyRanks out;
  std::vector<double> of_family;  // measures of each
  for (const RankedMeasure& measure : measures) {
    const size_t family = place_of(measure.family, out.families);
    of_family.resize(out.families.size());
    of_family[family] += 1;
  }
  const size_t families = out.families.size();
  out.ranks.assign(methods.size(), std::vector<double>(families, 0.0));
  std::vector<std::vector<double>> by_seed(methods.size(), std::vector<double>(seeds.size(), 0.0));
  for (const RankedMeasure& measure : measures)
    for (size_t seed = 0; seed < seeds.size(); ++seed) {
      std::vector<double> values;
      for (const std::vector<double>& of_method : measure.values) values.push_back(of_method.at(seed));
      const std::vector<double> ranks = ranks_of(values);
      const size_t family = place_of(measure.family, out.families);
      for (size_t m = 0; m < methods.size(); ++m) {
        out.ranks[m][family] += ranks[m] / of_family[family] / double(seeds.size());
        by_seed[m][seed] += ranks[m] / of_family[family] / double(families);
      }
    }
  for (const std::vector<double>& of_seeds : by_seed) {
    double mean = 0;
    for (const double rank : of_seeds) mean += rank / double(seeds.size());
    out.headline.push_back(mean);
  }
  const size_t pairs = methods.size() * (methods.size() - 1) / 2;
  for (size_t i = 0; i < methods.size(); ++i)
    for (size_t j = i + 1; j < methods.size(); ++j) {
      out.pairs.push_back(compare_pair({seeds, by_seed[i]}, {seeds, by_seed[j]}, confidence, pairs, true));
      out.pairs.back().first = methods[i];
      out.pairs.back().second = methods[j];
    }
  return out;
}

}  // namespace gamut::eval
