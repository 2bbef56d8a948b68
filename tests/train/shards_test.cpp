// SPDX-License-Identifier: Apache-2.0
// State that several processes divide against state that one holds.
#include "gamut/train/shards.h"

#include "gamut/train/ema.h"
#include "gamut/train/optimizer.h"
#include "support/ranks.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gamut::train {
namespace shards_test {

using testing::run_ranks;

// Sizes that no number of processes divides, and a weight that lies in memory otherwise than it counts.
std::vector<nn::NamedTensor> some_weights() {
  std::vector<nn::NamedTensor> weights;
  const std::vector<std::vector<int64_t>> shapes{{5, 7}, {3}, {4, 2, 3, 3}, {1}, {11, 13}};
  for (size_t i = 0; i < shapes.size(); ++i) {
    int64_t count = 1;
    for (const int64_t side : shapes[i]) count *= side;
    at::Tensor weight = at::arange(count, at::kFloat).mul(0.37 + double(i)).sin().view(shapes[i]);
    if (weight.dim() == 4) weight = weight.contiguous(at::MemoryFormat::ChannelsLast);
    weights.push_back({cat("w", i), weight.clone().set_requires_grad(true)});
  }
  return weights;
}

// Of process `rank`, at a step; each process's share of the sum that `whole` is. Of several processes it lies
// in memory as it counts, whatever the weight does.
at::Tensor gradient(const at::Tensor& weight, int64_t step, int64_t rank, int64_t size) {
  const at::Tensor whole = (weight.detach().contiguous() * (2 + double(step))).cos();
  const double share = 2.0 * double(rank + 1) / double(size * (size + 1));
  return size == 1 ? at::empty_like(weight.detach()).copy_(whole) : whole * share;
}

std::string compare(const std::vector<nn::NamedTensor>& got, const std::vector<nn::NamedTensor>& expected,
                    double tolerance, const char* what) {
  if (got.size() != expected.size()) return cat(what, ": ", got.size(), " tensors");
  for (size_t i = 0; i < got.size(); ++i) {
    if (got[i].name != expected[i].name || got[i].tensor.sizes() != expected[i].tensor.sizes())
      return cat(what, ": ", got[i].name, " ", got[i].tensor.sizes());
    const double off = (got[i].tensor.detach() - expected[i].tensor.detach()).abs().max().item<double>();
    if (off > tolerance) return cat(what, ": ", got[i].name, " is off by ", off);
  }
  return "";
}

struct Trained {
  std::vector<nn::NamedTensor> weights = some_weights();
  AdamW optimizer;
  Ema ema;
  explicit Trained(const Shards& shards)
      : optimizer(weights, {.learning_rate = 0.01}, shards),
        ema(weights, {.decay = 0.5, .every = 2}, shards) {}

  at::Tensor step(int64_t number, comm::Group& group) {
    for (auto& [name, weight] : weights)
      weight.mutable_grad() = gradient(weight, number, group.rank(), group.size());
    optimizer.sum_gradients(group);
    const at::Tensor norm = optimizer.grad_norm();
    optimizer.clip_gradients(norm);
    optimizer.step();
    ema.update(number);
    optimizer.zero_grad();
    return norm;
  }
};

Trained divided_run(comm::Group& group) {
  const std::vector<nn::NamedTensor> like = some_weights();
  return Trained(Shards(like, group));
}

nn::TensorMap as_map(const std::vector<nn::NamedTensor>& tensors) {
  nn::TensorMap map;
  for (const auto& [name, tensor] : tensors) map[name] = tensor;
  return map;
}

// What rank 0 stored, in all processes. `like`: of the same names and shapes.
nn::TensorMap at_all(comm::Group& group, std::vector<nn::NamedTensor> stored,
                     const std::vector<nn::NamedTensor>& like) {
  std::vector<at::Tensor> tensors;
  for (size_t i = 0; i < like.size(); ++i) {
    if (!group.leads()) stored.push_back({like[i].name, at::empty(like[i].tensor.sizes())});
    stored[i].tensor = stored[i].tensor.contiguous();
    tensors.push_back(stored[i].tensor);
  }
  group.broadcast(tensors);
  return as_map(stored);
}

// Sums in another order, divided by their own size.
constexpr double kOrder = 1e-5;

std::string trains_alike(comm::Group& group) {
  comm::Group one;
  Trained divided = divided_run(group), whole{Shards()};
  for (int64_t step = 1; step <= 5; ++step) {
    const double norm = divided.step(step, group).item<double>(),
                 expected = whole.step(step, one).item<double>();
    if (std::abs(norm - expected) > kOrder * expected) return cat("norm ", norm, " and ", expected);
  }
  std::string text = compare(divided.weights, whole.weights, kOrder, "weights");
  const std::vector<nn::NamedTensor> moments = divided.optimizer.state(), average = divided.ema.stored();
  if (group.leads()) {
    text += compare(moments, whole.optimizer.state(), kOrder, "moments");
    text += compare(average, whole.ema.weights(), kOrder, "stored average");
  } else if (!moments.empty() || !average.empty()) {
    text += "rank 0 alone stores";
  }
  text += compare(divided.ema.weights(), whole.ema.weights(), kOrder, "average");
  text += compare(divided.ema.final_weights(5), whole.ema.final_weights(5), kOrder, "last average");
  return text;
}

TEST(shards, equal_an_undivided_optimizer) {
  for (const int64_t size : {2, 3, 4})
    for (const testing::RankEnd& end : run_ranks(size, trains_alike)) EXPECT_EQ(end.text, "") << size;
}

// What one group stores another one takes over, and its own goes on to the bit.
std::string goes_on(comm::Group& group) {
  comm::Group one;
  Trained first = divided_run(group), same = divided_run(group), alone{Shards()};
  for (int64_t step = 1; step <= 3; ++step) first.step(step, group);
  const nn::TensorMap moments = at_all(group, first.optimizer.state(), alone.optimizer.state()),
                      average = at_all(group, first.ema.stored(), alone.ema.weights());
  for (Trained* other : {&same, &alone}) {
    copy_weights(other->weights, as_map(first.weights), "test");
    other->optimizer.load_state(moments, 3);
    other->ema.load(average);
  }
  for (int64_t step = 4; step <= 6; ++step) {
    first.step(step, group);
    same.step(step, group);
    alone.step(step, one);
  }
  return compare(same.weights, first.weights, 0, "weights") +
         compare(same.optimizer.state(), first.optimizer.state(), 0, "moments") +
         compare(same.ema.weights(), first.ema.weights(), 0, "average") +
         compare(alone.weights, first.weights, kOrder, "weights of one") +
         compare(alone.ema.weights(), first.ema.weights(), kOrder, "average of one");
}

TEST(shards, go_on_from_what_they_stored) {
  for (const testing::RankEnd& end : run_ranks(3, goes_on)) EXPECT_EQ(end.text, "");
}

// More numbers than travel at once.
TEST(shards, travel_in_chunks) {
  for (const testing::RankEnd& end : run_ranks(2, [](comm::Group& group) {
         const std::vector<nn::NamedTensor> weights{{"a", at::zeros({3, 7})}, {"b", at::zeros({3000, 3001})}};
         const Shards shards(weights, group);
         const at::Tensor small = at::ones({3, 7}),
                          large = at::arange(3000 * 3001, at::kFloat).view({3000, 3001});
         const at::Tensor b = large.clone();
         shards.sum_own({small, b});
         const std::vector<at::Tensor> all = shards.whole(shards.own({small, b}));
         return at::equal(all[0], at::full({3, 7}, 2.0)) && at::equal(all[1], large * 2) ? "" : "differs";
       }))
    EXPECT_EQ(end.text, "");
}

TEST(shards, divide_evenly) {
  for (const testing::RankEnd& end : run_ranks(3, [](comm::Group& group) {
         const std::vector<nn::NamedTensor> weights = some_weights();
         std::vector<at::Tensor> tensors;
         int64_t all = 0, own = 0;
         for (const auto& [name, weight] : weights) {
           tensors.push_back(weight);
           all += weight.numel();
         }
         for (const at::Tensor& piece : Shards(weights, group).own(tensors)) own += piece.numel();
         return own == (all + 2) / 3 || (group.rank() == 2 && own == all - 2 * ((all + 2) / 3))
                    ? std::string()
                    : cat(own);
       }))
    EXPECT_EQ(end.text, "");
}

// A weight of two numbers and three processes: one of them has nothing to do.
TEST(shards, may_be_empty) {
  for (const testing::RankEnd& end : run_ranks(3, [](comm::Group& group) {
         const at::Tensor weight = at::ones({2}).set_requires_grad(true);
         const std::vector<nn::NamedTensor> weights{{"w", weight}};
         const Shards shards(weights, group);
         AdamW optimizer(weights, {.learning_rate = 0.1}, shards);
         Ema ema(weights, {.decay = 0.5, .every = 1}, shards);
         weight.mutable_grad() = at::ones({2});
         optimizer.sum_gradients(group);
         const double norm = optimizer.grad_norm().item<double>();
         optimizer.clip_gradients(optimizer.grad_norm());
         optimizer.step();
         ema.update(1);
         const bool moved = weight.detach().lt(0.95).all().item<bool>() &&
                            ema.weights().front().tensor.lt(1).all().item<bool>();
         return moved && std::abs(norm - 3 * std::sqrt(2.0)) < 1e-5 ? std::string() : cat("norm ", norm);
       }))
    EXPECT_EQ(end.text, "");
}

}  // namespace shards_test
}  // namespace gamut::train
