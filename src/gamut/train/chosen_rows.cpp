// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/chosen_rows.h"

#include "gamut/algorithms/weighted_matching.h"
#include "gamut/core/random.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace gamut::train {
namespace {

template <class T>
std::vector<T> taken(const std::vector<T>& values, const std::vector<int64_t>& index) {
  std::vector<T> out;
  for (const int64_t i : index) out.push_back(values[size_t(i)]);
  return out;
}

}  // namespace

std::vector<ChosenRows> kept_rows(std::vector<Rollout> drawn, const RowCredit& credit,
                                  const std::vector<uint8_t>& regularized, const BatchPlan& plan,
                                  const Slices& slices) {
  KeptRollouts kept = keep_slice(std::move(drawn), credit.kept, plan, slices);
  std::vector<ChosenRows> all;
  for (size_t m = 0; m < kept.batches.size(); ++m) {
    const std::vector<int64_t>& source = kept.source[m];
    ChosenRows& chosen = all.emplace_back();
    chosen.update = kept.update[m];
    chosen.rows = std::move(kept.batches[m].rows);
    chosen.trajectories = std::move(kept.batches[m].trajectories);
    chosen.advantages = taken(credit.advantages, source);
    for (const std::vector<float>& advantages : credit.step_advantages)
      chosen.step_advantages.push_back(taken(advantages, source));
    for (size_t i = 0; i < source.size(); ++i) {
      const size_t row = size_t(source[i]);
      const bool trains = kept.counts[m][i] && credit.trained[row];
      chosen.weights.push_back(trains ? 1 : 0);
      chosen.anchored.push_back(trains && regularized[row]);
    }
  }
  return all;
}

std::vector<ChosenRows> slice_of(std::vector<ChosenRows> all, int64_t updates, int64_t rank, int64_t size) {
  std::vector<ChosenRows> mine;
  for (size_t m = 0; m < all.size(); ++m) {
    ChosenRows& batch = all[m];
    batch.update = int64_t(m) % updates;
    const int64_t count = int64_t(batch.rows.size());
    const int64_t begin = rank * count / size, end = (rank + 1) * count / size;
    if (begin == end) continue;
    if (size > 1) {
      const auto cut = [&](auto& values) { values = {values.begin() + begin, values.begin() + end}; };
      cut(batch.rows);
      cut(batch.advantages);
      cut(batch.weights);
      cut(batch.anchored);
      batch.trajectories.final_BCHW = batch.trajectories.final_BCHW.narrow(0, begin, end - begin);
    }
    mine.push_back(std::move(batch));
  }
  return mine;
}

PictureBuffer::PictureBuffer(const algorithms::ObjectiveConfig& objective, int64_t pictures,
                             const std::vector<int64_t>& latent_shape)
    : objective_(objective), pictures_(pictures) {
  std::vector<int64_t> shape{objective.buffer * pictures};
  shape.insert(shape.end(), latent_shape.begin(), latent_shape.end());
  latents_ = at::zeros(shape, at::kFloat);
  rows_ = at::zeros({shape.front(), 3}, at::kFloat);
}

int64_t PictureBuffer::size() const { return rows_.select(1, 0).sum().item<int64_t>(); }

void PictureBuffer::put(int64_t iteration, const at::Tensor& latents, const std::vector<SampleRow>& rows,
                        const RowCredit& credit) {
  const int64_t first = iteration % objective_.buffer * pictures_;
  rows_.narrow(0, first, pictures_).zero_();
  for (int64_t row = 0; row < int64_t(rows.size()); ++row) {
    const float reward = credit.advantages[size_t(row)];
    if (!credit.kept[size_t(row)] || !credit.trained[size_t(row)] ||
        !algorithms::has_weight(objective_, reward))
      continue;
    latents_[first + row].copy_(latents[row]);
    rows_[first + row].copy_(at::tensor({1.0F, float(rows[size_t(row)].key.prompt), reward}));
  }
}

std::vector<ChosenRows> PictureBuffer::choose(int64_t count, int64_t micro_batch, uint64_t seed,
                                              int64_t iteration, const at::Device& device) const {
  std::vector<int64_t> there;
  for (int64_t i = 0; i < rows_.size(0); ++i)
    if (rows_[i][0].item<float>() > 0) there.push_back(i);
  Stream stream(seed, "objective.buffer", {iteration});
  std::vector<int64_t> order = taken(there, stream.permutation(int64_t(there.size())));
  if (int64_t(order.size()) > count) order.resize(size_t(count));
  const int64_t trained = int64_t(order.size());
  while (!order.empty() && int64_t(order.size()) % micro_batch != 0) order.push_back(order.front());

  std::vector<ChosenRows> all;
  for (int64_t begin = 0; begin < int64_t(order.size()); begin += micro_batch) {
    ChosenRows& chosen = all.emplace_back();
    const std::vector<int64_t> index(order.begin() + begin, order.begin() + begin + micro_batch);
    chosen.trajectories.final_BCHW = latents_.index_select(0, at::tensor(index, at::kLong)).to(device);
    for (int64_t b = 0; b < micro_batch; ++b) {
      const at::Tensor row = rows_[index[size_t(b)]];
      const bool trains = begin + b < trained;
      chosen.rows.push_back(
          {.key = {.epoch = iteration, .prompt = row[1].item<int64_t>(), .member = begin + b}});
      chosen.advantages.push_back(row[2].item<float>());
      chosen.weights.push_back(trains ? 1 : 0);
      chosen.anchored.push_back(trains);
    }
  }
  return all;
}

}  // namespace gamut::train
