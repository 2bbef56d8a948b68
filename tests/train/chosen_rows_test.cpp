// SPDX-License-Identifier: Apache-2.0
// What an iteration trains on where pictures of several iterations are kept.
#include "gamut/train/chosen_rows.h"

#include "tiny_training.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace gamut::train {
namespace chosen_rows_test {

// Six pictures of prompts 0 and 1; the latent of member m of iteration i is 100 i + m, its reward m / 10.
std::vector<Rollout> drawn(int64_t iteration) {
  Rollout batch;
  for (int64_t m = 0; m < 6; ++m)
    batch.rows.push_back({.key = {.epoch = iteration, .prompt = m % 2, .member = m}, .slot = m % 2});
  batch.trajectories.final_BCHW = (at::arange(6, at::kFloat) + 100.0 * double(iteration))
                                      .view({6, 1, 1, 1})
                                      .expand({6, 2, 2, 2})
                                      .contiguous();
  return {batch};
}

RowCredit credit() {
  RowCredit all;
  all.kept = {1, 1, 1, 1, 1, 0};
  all.trained = {1, 1, 1, 1, 1, 0};
  for (int m = 0; m < 6; ++m) all.advantages.push_back(float(m) / 10);
  return all;
}

algorithms::ObjectiveConfig accepting(int64_t buffer, double threshold) {
  return {.kind = "weighted_matching", .weighting = "threshold", .threshold = threshold, .buffer = buffer};
}

void put(PictureBuffer& buffer, int64_t iteration, const RowCredit& credit) {
  const Rollout batch = drawn(iteration).front();
  buffer.put(iteration, batch.trajectories.final_BCHW, batch.rows, credit);
}

std::set<float> latents_of(const std::vector<ChosenRows>& all) {
  std::set<float> values;
  for (const ChosenRows& chosen : all)
    for (size_t b = 0; b < chosen.rows.size(); ++b)
      if (chosen.weights[b] > 0)
        values.insert(chosen.trajectories.final_BCHW[int64_t(b)][0][0][0].item<float>());
  return values;
}

TEST(chosen_rows, the_buffer_holds_accepted_pictures_of_the_newest_iterations) {
  PictureBuffer buffer(accepting(2, 0.25), 6, {2, 2, 2});
  EXPECT_EQ(buffer.size(), 0);
  EXPECT_TRUE(buffer.choose(8, 4, 1, 0, at::kCPU).empty());
  put(buffer, 0, credit());
  EXPECT_EQ(buffer.size(), 2);  // members 3 and 4; 5 is not kept, 0 to 2 are below
  put(buffer, 1, credit());
  EXPECT_EQ(latents_of(buffer.choose(8, 4, 1, 1, at::kCPU)), (std::set<float>{3, 4, 103, 104}));
  put(buffer, 2, credit());
  const std::vector<ChosenRows> all = buffer.choose(8, 4, 1, 2, at::kCPU);
  EXPECT_EQ(latents_of(all), (std::set<float>{103, 104, 203, 204}));
  for (const ChosenRows& chosen : all)
    for (size_t b = 0; b < chosen.rows.size(); ++b) {
      const float latent = chosen.trajectories.final_BCHW[int64_t(b)][0][0][0].item<float>();
      const int64_t member = int64_t(latent) % 100;
      EXPECT_EQ(chosen.rows[b].key.prompt, member % 2);
      EXPECT_FLOAT_EQ(chosen.advantages[b], float(member) / 10);
      EXPECT_EQ(chosen.rows[b].key.epoch, 2);  // new times and noises
    }
}

TEST(chosen_rows, as_many_train_as_asked_for_and_batches_are_filled_up) {
  PictureBuffer buffer(accepting(3, 0.05), 6, {2, 2, 2});
  for (int64_t i = 0; i < 3; ++i) put(buffer, i, credit());
  EXPECT_EQ(buffer.size(), 12);
  const std::vector<ChosenRows> all = buffer.choose(6, 4, 1, 2, at::kCPU);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].weights, (std::vector<float>{1, 1, 0, 0}));
  EXPECT_EQ(all[1].anchored, (std::vector<uint8_t>{1, 1, 0, 0}));
  EXPECT_EQ(latents_of(all).size(), 6u);
  std::set<int64_t> members;
  for (const ChosenRows& chosen : all)
    for (const SampleRow& row : chosen.rows) members.insert(row.key.member);
  EXPECT_EQ(members.size(), 8u);  // no two rows share their streams
  EXPECT_EQ(latents_of(all), latents_of(buffer.choose(6, 4, 1, 2, at::kCPU)));
  EXPECT_NE(latents_of(all), latents_of(buffer.choose(6, 4, 1, 3, at::kCPU)));
}

// With all of an iteration accepted and nothing older, the rows are those that train without a buffer.
TEST(chosen_rows, one_iteration_that_is_all_accepted_trains_whole) {
  PictureBuffer buffer(accepting(1, -1), 6, {2, 2, 2});
  RowCredit all = credit();
  all.kept[5] = all.trained[5] = 1;
  put(buffer, 7, all);
  const std::set<float> chosen = latents_of(buffer.choose(6, 3, 1, 7, at::kCPU));
  const BatchPlan plan{
      .prompts = 1, .keep = 6, .pictures = 6, .micro_batch = 6, .micro_batches = 1, .updates = 1};
  const std::set<float> kept =
      latents_of(kept_rows(drawn(7), all, std::vector<uint8_t>(6, 1), plan, Slices(plan, false, 0, 1)));
  EXPECT_EQ(chosen, kept);
  EXPECT_EQ(kept.size(), 6u);
}

TEST(chosen_rows, a_run_trains_on_what_its_buffer_holds) {
  TrainConfig config = tiny_config("raft");
  config.slots.objective.threshold = 0.45;
  config.slots.objective.buffer = 3;
  TinyRun run(config);
  for (const StepReport& report : run.iterate(3)) {
    EXPECT_LE(report.trained_images, 12);
    EXPECT_GE(report.trained_images, 0);
  }
  config.slots.objective.threshold = 2;  // nothing is good enough
  TinyRun idle(config);
  const std::vector<at::Tensor> before = idle.weights();
  EXPECT_EQ(idle.iterate(1)[0].trained_images, 0);
  for (size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(at::equal(before[i], idle.weights()[i]));
}

// Two processes train what one would, each row once, in the same update.
TEST(chosen_rows, processes_share_what_all_chose_alike) {
  PictureBuffer buffer(accepting(1, -1), 6, {2, 2, 2});
  put(buffer, 3, credit());
  const auto choose = [&] { return buffer.choose(5, 3, 1, 3, at::kCPU); };
  std::map<int64_t, std::multiset<float>> together, alone;
  const auto collect = [](const std::vector<ChosenRows>& all, std::map<int64_t, std::multiset<float>>& into) {
    for (const ChosenRows& chosen : all)
      for (const float latent : latents_of({chosen})) into[chosen.update].insert(latent);
  };
  collect(slice_of(choose(), 2, 0, 1), alone);
  for (const int64_t rank : {0, 1}) collect(slice_of(choose(), 2, rank, 2), together);
  EXPECT_EQ(alone, together);
  EXPECT_EQ(alone.at(0).size() + alone.at(1).size(), 5u);
}

}  // namespace chosen_rows_test
}  // namespace gamut::train
