// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/slices.h"

#include "gamut/core/error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

namespace gamut::train {
namespace {

using Rows = std::vector<int64_t>;

// The update that trains the row at each place of an order: micro-batch m belongs to update m mod updates,
// whoever draws.
int64_t update_of(const BatchPlan& plan, int64_t place) { return place / plan.micro_batch % plan.updates; }

// Rows that belong together, by update; one list where it is not known yet.
std::vector<Rows> rows_by_update(const BatchPlan& plan, bool rebatched) {
  std::vector<Rows> lists(rebatched ? 1 : size_t(plan.updates));
  for (int64_t row = 0; row < plan.pictures; ++row)
    lists[rebatched ? 0 : size_t(update_of(plan, row))].push_back(row);
  return lists;
}

Rows slice(const Rows& rows, int64_t rank, int64_t size) {
  const int64_t count = int64_t(rows.size());
  return {rows.begin() + rank * count / size, rows.begin() + (rank + 1) * count / size};
}

void cut(const Rows& rows, int64_t most, std::vector<Rows>& batches) {
  const int64_t count = int64_t(rows.size()), parts = (count + most - 1) / most;
  for (int64_t part = 0; part < parts; ++part)
    batches.emplace_back(rows.begin() + part * count / parts, rows.begin() + (part + 1) * count / parts);
}

// Batches of `size` of the rank's own rows, each list of `wanted` apart, filled up with rows that do not
// count there.
struct Packed {
  std::vector<Rows> batches;  // places among the rank's own rows
  std::vector<std::vector<uint8_t>> counts;
  std::vector<int64_t> update;
};

Packed pack(const std::vector<Rows>& wanted, int64_t own, int64_t size) {
  Packed out;
  std::vector<uint8_t> is_wanted(size_t(own), 0);
  for (const Rows& rows : wanted)
    for (const int64_t row : rows) is_wanted[size_t(row)] = 1;
  for (size_t u = 0; u < wanted.size(); ++u)
    for (size_t begin = 0; begin < wanted[u].size(); begin += size_t(size)) {
      const auto first = wanted[u].begin() + int64_t(begin);
      Rows batch(first, first + std::min(size, int64_t(wanted[u].size() - begin)));
      std::vector<uint8_t> counts(batch.size(), 1);
      // Rows that nothing trains come first.
      for (const uint8_t of : {0, 1})
        for (int64_t row = 0; row < own && int64_t(batch.size()) < size; ++row)
          if (is_wanted[size_t(row)] == of && std::find(batch.begin(), batch.end(), row) == batch.end())
            batch.push_back(row);
      counts.resize(batch.size(), 0);
      out.batches.push_back(std::move(batch));
      out.counts.push_back(std::move(counts));
      out.update.push_back(int64_t(u));
    }
  return out;
}

// Places of the marked rows among the rank's own, by the update that trains them.
std::vector<Rows> wanted_rows(const Rows& own, const std::vector<uint8_t>& marked, const BatchPlan& plan) {
  Rows place(marked.size());
  int64_t kept = 0;
  for (size_t row = 0; row < marked.size(); ++row) place[row] = marked[row] ? kept++ : -1;
  std::vector<Rows> wanted(size_t(plan.updates));
  for (size_t i = 0; i < own.size(); ++i)
    if (marked[size_t(own[i])]) wanted[size_t(update_of(plan, place[size_t(own[i])]))].push_back(int64_t(i));
  return wanted;
}

// Whether all rows train, or fill up those that do (as keep_rows).
bool stays_as_drawn(const std::vector<uint8_t>& marked, const BatchPlan& plan) {
  const int64_t kept = std::count(marked.begin(), marked.end(), uint8_t{1});
  return (kept + plan.micro_batch - 1) / plan.micro_batch * plan.micro_batch == plan.pictures;
}

// Each batch's rows belong to one update.
bool of_one_update(const std::vector<Rows>& batches, const BatchPlan& plan) {
  for (const Rows& batch : batches)
    for (const int64_t row : batch)
      if (update_of(plan, row) != update_of(plan, batch.front())) return false;
  return true;
}

}  // namespace

Slices::Slices(const BatchPlan& plan, bool rebatched, int64_t rank, int64_t size) : size_(size) {
  if (plan.pictures / plan.updates < size)
    throw ConfigError("plan",
                      cat("each process needs a picture of each update; got ", size, " processes, and ",
                          plan.pictures, " pictures in ", plan.updates, " updates; start fewer processes"));
  if (size == 1) {
    Rows all(size_t(plan.pictures));
    std::iota(all.begin(), all.end(), 0);
    for (int64_t begin = 0; begin < plan.pictures; begin += plan.micro_batch)
      batches_.emplace_back(all.begin() + begin, all.begin() + begin + plan.micro_batch);
    gathered_place_ = std::move(all);
    return;
  }
  const std::vector<Rows> lists = rows_by_update(plan, rebatched);
  gathered_place_.resize(size_t(plan.pictures));
  int64_t place = 0;
  for (int64_t r = 0; r < size; ++r)
    for (const Rows& rows : lists) {
      const Rows part = slice(rows, r, size);
      for (const int64_t row : part) gathered_place_[size_t(row)] = place++;
      if (r == rank) cut(part, plan.micro_batch, batches_);
    }
}

at::Tensor Slices::in_order(const at::Tensor& by_rank) const {
  if (is_all()) return by_rank;
  return by_rank.index_select(0, at::tensor(gathered_place_, at::kLong).to(by_rank.device()));
}

KeptRollouts keep_slice(std::vector<Rollout> drawn, const std::vector<uint8_t>& marked, const BatchPlan& plan,
                        const Slices& slices) {
  KeptRollouts kept;
  if (slices.is_all()) {
    kept = keep_rows(std::move(drawn), marked, plan.micro_batch);
    for (size_t m = 0; m < kept.source.size(); ++m) {
      kept.update.push_back(int64_t(m) % plan.updates);
      kept.counts.emplace_back(kept.source[m].size(), 1);
    }
    return kept;
  }
  Rows own;
  for (const Rows& batch : slices.batches()) own.insert(own.end(), batch.begin(), batch.end());
  const bool stays = stays_as_drawn(marked, plan);
  if (stays && of_one_update(slices.batches(), plan)) {
    kept.batches = std::move(drawn);
    kept.source = slices.batches();
    for (const Rows& batch : kept.source) {
      kept.update.push_back(update_of(plan, batch.front()));
      kept.counts.emplace_back(batch.size(), 1);
    }
    return kept;
  }
  std::vector<uint8_t> taken = marked;
  if (stays) std::fill(taken.begin(), taken.end(), 1);
  size_t size = 0;  // the rollout's batches differ by one row at most
  for (const Rollout& batch : drawn) size = std::max(size, batch.rows.size());
  Packed packed = pack(wanted_rows(own, taken, plan), int64_t(own.size()), int64_t(size));
  for (const Rows& batch : packed.batches) {
    kept.batches.push_back(select_rows(drawn, batch));
    Rows& source = kept.source.emplace_back();
    for (const int64_t place : batch) source.push_back(own[size_t(place)]);
  }
  kept.update = std::move(packed.update);
  kept.counts = std::move(packed.counts);
  return kept;
}

}  // namespace gamut::train
