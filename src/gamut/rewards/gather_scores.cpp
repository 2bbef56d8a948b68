// SPDX-License-Identifier: Apache-2.0
#include "gamut/rewards/gather_scores.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

namespace gamut::rewards {
namespace {

// One row per picture: its value, whether it is exact, and its value in each part, in the parts' order.
at::Tensor numbers_of(const Scores& scores) {
  const int64_t count = int64_t(scores.value.size());
  at::Tensor out = at::empty({count, 2 + int64_t(scores.parts.size())}, at::kDouble);
  auto at = out.accessor<double, 2>();
  for (int64_t row = 0; row < count; ++row) {
    at[row][0] = scores.value[size_t(row)];
    at[row][1] = scores.exact[size_t(row)];
  }
  int64_t column = 2;
  for (const auto& [part, values] : scores.parts) {
    for (int64_t row = 0; row < count; ++row) at[row][column] = values[size_t(row)];
    ++column;
  }
  return out;
}

}  // namespace

Scores gather_scores(comm::Group& group, Scores own) {
  if (group.is_one()) return own;
  const at::Tensor numbers = group.gather_rows(numbers_of(own));
  Scores all;
  // Replaced rather than refused: a reason may quote bytes that a server sent.
  const nlohmann::json reasons = own.failure;
  for (const std::string& text :
       group.gather(reasons.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)))
    for (const nlohmann::json& reason : nlohmann::json::parse(text))
      all.failure.push_back(reason.get<std::string>());
  GAMUT_CHECK(int64_t(all.failure.size()) == numbers.size(0), all.failure.size(), " of ", numbers.size(0));
  const auto at = numbers.accessor<double, 2>();
  for (int64_t row = 0; row < numbers.size(0); ++row) {
    all.value.push_back(at[row][0]);
    all.exact.push_back(at[row][1] != 0);
  }
  int64_t column = 2;
  for (const auto& [part, values] : own.parts) {
    for (int64_t row = 0; row < numbers.size(0); ++row) all.parts[part].push_back(at[row][column]);
    ++column;
  }
  return all;
}

Share share_of(int64_t count, const comm::Group& group) {
  if (group.is_one() || count < group.size()) return {0, count, true};
  return {group.rank() * count / group.size(), (group.rank() + 1) * count / group.size(), false};
}

Scores score_shared(Reward& reward, const at::Tensor& pictures, std::span<const text::Prompt> prompts,
                    comm::Group& group) {
  const Share mine = share_of(pictures.size(0), group);
  if (mine.is_all) return score_checked(reward, pictures, prompts);
  return gather_scores(group,
                       score_checked(reward, pictures.narrow(0, mine.first, mine.last - mine.first),
                                     prompts.subspan(size_t(mine.first), size_t(mine.last - mine.first))));
}

}  // namespace gamut::rewards
