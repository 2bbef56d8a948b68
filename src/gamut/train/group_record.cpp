// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/group_record.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace gamut::train {
namespace {

// Null for NaN: the member was not scored or not kept.
nlohmann::ordered_json numbers(const std::vector<double>& values) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const double value : values)
    list.push_back(std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json());
  return list;
}

}  // namespace

nlohmann::ordered_json GroupRecord::to_json() const {
  return {{"step", step},
          {"prompt", prompt.text},
          {"target", prompt.target},
          {"reward", numbers(rewards)},
          {"scored", scored},
          {"kept", kept},
          {"cluster", credit.clusters},
          {"diversity", numbers(credit.diversity)},
          {"bonus", numbers(credit.bonus)},
          {"shaped", numbers(credit.shaped)},
          {"advantage", numbers(credit.advantages)}};
}

std::vector<GroupRecord> group_records(const CreditView& view, int64_t count) {
  const std::vector<std::vector<int64_t>> rows_of = rows_by_slot(view.drawn.rows);
  std::vector<GroupRecord> records;
  for (size_t g = 0; g < std::min(rows_of.size(), size_t(count)); ++g) {
    GroupRecord& record = records.emplace_back();
    record.step = view.step;
    record.prompt = view.drawn.prompts[size_t(rows_of[g].front())];
    record.pictures = view.pictures(rows_of[g]);
    for (const int64_t row : rows_of[g]) {
      record.rewards.push_back(view.scores.value[size_t(row)]);
      record.scored.push_back(view.scores.failure[size_t(row)].empty());
      record.kept.push_back(view.credit.kept[size_t(row)]);
    }
    record.credit = view.credit.groups.groups[g];
  }
  return records;
}

}  // namespace gamut::train
