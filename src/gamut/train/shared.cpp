// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/shared.h"

#include "gamut/core/error.h"
#include "gamut/rewards/gather_scores.h"

#include <ATen/ATen.h>

namespace gamut::train {
namespace {

template <class T>
std::vector<T> ordered(const std::vector<T>& by_rank, const Slices& slices) {
  std::vector<T> out;
  for (const int64_t place : slices.gathered_place()) out.push_back(by_rank[size_t(place)]);
  return out;
}

}  // namespace

rewards::Scores share(rewards::Scores own, const Slices& slices, comm::Group& group) {
  if (group.is_one()) return own;
  rewards::Scores all = rewards::gather_scores(group, std::move(own));
  all.value = ordered(all.value, slices);
  all.exact = ordered(all.exact, slices);
  all.failure = ordered(all.failure, slices);
  for (auto& [part, values] : all.parts) values = ordered(values, slices);
  return all;
}

Looks share(Looks own, const Slices& slices, comm::Group& group) {
  if (group.is_one()) return own;
  if (own.log_probs.defined()) own.log_probs = slices.in_order(group.gather_rows(own.log_probs));
  own.features = slices.in_order(group.gather_rows(own.features));
  for (at::Tensor& step : own.of_steps) step = slices.in_order(group.gather_rows(step));
  return own;
}

std::vector<std::vector<double>> share(std::vector<std::vector<double>> own, const Slices& slices,
                                       comm::Group& group) {
  if (group.is_one()) return own;
  for (std::vector<double>& values : own) {
    const at::Tensor all = slices.in_order(group.gather_rows(at::tensor(values, at::kDouble)));
    values.assign(all.const_data_ptr<double>(), all.const_data_ptr<double>() + all.numel());
  }
  return own;
}

at::Tensor final_latents(const std::vector<Rollout>& own, const Slices& slices, comm::Group& group) {
  std::vector<at::Tensor> latents;
  for (const Rollout& batch : own) latents.push_back(batch.trajectories.final_BCHW.to(at::kCPU, at::kFloat));
  return slices.in_order(group.gather_rows(at::cat(latents)));
}

at::Tensor pictures_of(const std::vector<int64_t>& rows, const Drawn& own, const Slices& slices,
                       comm::Group& group) {
  const at::Device device = own.pictures.device();
  if (group.is_one()) return own.pictures.index_select(0, at::tensor(rows, at::kLong).to(device));
  // Each process gives those of the rows that it drew; their order in the gathered ones follows from the
  // slices.
  std::vector<int64_t> mine, from;
  int64_t place = 0;
  std::vector<int64_t> own_place(slices.gathered_place().size(), -1);
  for (const std::vector<int64_t>& batch : slices.batches())
    for (const int64_t row : batch) own_place[size_t(row)] = place++;
  for (const int64_t row : rows)
    if (own_place[size_t(row)] >= 0) {
      mine.push_back(own_place[size_t(row)]);
      from.push_back(row);
    }
  const at::Tensor given =
      group.gather_rows(own.pictures.index_select(0, at::tensor(mine, at::kLong).to(device)));
  const at::Tensor whose = group.gather_rows(at::tensor(from, at::kLong));
  std::vector<int64_t> order(rows.size());
  for (int64_t i = 0; i < whose.numel(); ++i) {
    const auto wanted = std::find(rows.begin(), rows.end(), whose[i].item<int64_t>());
    order[size_t(wanted - rows.begin())] = i;
  }
  return given.index_select(0, at::tensor(order, at::kLong)).to(device);
}

void check_same_weights(const std::vector<nn::NamedTensor>& weights, comm::Group& group) {
  if (group.is_one()) return;
  std::string sums;
  for (const auto& [name, tensor] : weights)
    sums += cat(name, "=", tensor.detach().sum(at::kDouble).item<double>(), "\n");
  const std::vector<std::string> all = group.gather(sums);
  for (size_t rank = 1; rank < all.size(); ++rank)
    if (all[rank] != all[0])
      throw EnvironmentError("comm",
                             cat("all processes must begin with the same weights; those of rank ", rank,
                                 " are not rank 0's; do all read the same model and run folder?"));
}

}  // namespace gamut::train
