// SPDX-License-Identifier: Apache-2.0
// Stopping and resuming is as if nothing had happened, to the last bit.
#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "tiny_training.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::train {
namespace resume_test {

using testing::TempFolder;

// Everything that draws, remembers or averages.
TrainConfig eventful_config() {
  TrainConfig config = tiny_config();
  config.rollout.updates = 3;
  config.slots.schedule = {.kind = "random", .count = 2};
  config.slots.regularizer = {.kind = "kl_flow", .weight = 0.2};
  config.checkpoint.keep = 5;
  return config;
}

nlohmann::json without_times(const StepReport& report) {
  nlohmann::json row = nlohmann::json::parse(report.to_json().dump());
  for (const char* part : {"rollout", "reward", "credit", "reference", "update", "total"})
    row.erase(cat("seconds_", part));
  return row;
}

// DRIFT's random parts, DDPO's running statistics, and a reference that follows every second iteration.
TrainConfig remembering_config() {
  TrainConfig config = tiny_config("diverse_drift");
  config.slots.subset.kind = "random";
  config.slots.conditioning.resample = "step";
  config.slots.advantage.kind = "running";
  config.slots.advantage.std_source = "kept";
  config.slots.regularizer = {.kind = "kl_flow", .weight = 0.2, .reference = "periodic", .reset_epochs = 1};
  config.checkpoint.keep = 5;
  return config;
}

void expect_same_after_a_stop(const TrainConfig& config) {
  const TempFolder whole_folder, parts_folder;
  TinyRun whole(config);
  const std::vector<StepReport> expected = whole.iterate(6);
  whole.trainer.save(whole_folder.path());

  TinyRun first(config);
  first.iterate(3);
  first.trainer.save(parts_folder.path());
  TinyRun second(config);
  second.trainer.resume(*latest_checkpoint(parts_folder.path()));
  EXPECT_EQ(second.trainer.steps_done(), 3);
  const std::vector<StepReport> got = second.iterate(3);
  second.trainer.save(parts_folder.path());

  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(without_times(got[i]), without_times(expected[i + 3])) << i;
  for (const char* file : {"weights.safetensors", "ema.safetensors", "optimizer.safetensors", "state.json"})
    EXPECT_EQ(io::read_text(parts_folder / "checkpoints/step_000006" / file),
              io::read_text(whole_folder / "checkpoints/step_000006" / file))
        << file;
  const bool old = config.slots.objective.kind == "nft";
  if (old || config.slots.regularizer.reference == "periodic") {
    const char* file = old ? "old.safetensors" : "reference.safetensors";
    EXPECT_EQ(io::read_text(parts_folder / "checkpoints/step_000006" / file),
              io::read_text(whole_folder / "checkpoints/step_000006" / file));
    EXPECT_NE(io::read_text(whole_folder / "checkpoints/step_000006" / file),
              io::read_text(parts_folder / "checkpoints/step_000003" / file));
  }
}

TEST(resume, goes_on_bit_for_bit) { expect_same_after_a_stop(eventful_config()); }
TEST(resume, what_algorithms_remember_goes_on_bit_for_bit) { expect_same_after_a_stop(remembering_config()); }

// An old policy that lags far behind, of all weights and of an adapter.
TEST(resume, an_old_policy_goes_on_bit_for_bit) {
  for (const int64_t rank : {0, 2}) {
    TrainConfig config = tiny_config("nft");
    config.rollout.updates = 3;
    config.lora.rank = rank;
    config.slots.objective.old_decay_rate = 0.1;
    config.checkpoint.keep = 5;
    expect_same_after_a_stop(config);
  }
}

TEST(resume, the_same_run_twice_is_the_same_run) {
  TinyRun one(eventful_config()), two(eventful_config());
  const std::vector<StepReport> first = one.iterate(2), second = two.iterate(2);
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(without_times(first[i]), without_times(second[i]));
  TrainConfig other = eventful_config();
  other.seed = 4;
  EXPECT_NE(without_times(TinyRun(other).iterate(1)[0]), without_times(first[0]));
}

TEST(resume, a_truncated_checkpoint_is_a_data_error) {
  const TempFolder folder;
  TinyRun run(tiny_config());
  run.trainer.save(folder.path());
  const std::filesystem::path weights = *latest_checkpoint(folder.path()) / "weights.safetensors";
  std::filesystem::resize_file(weights, std::filesystem::file_size(weights) / 2);
  EXPECT_THROW(run.trainer.resume(*latest_checkpoint(folder.path())), DataError);
}

// Pictures of earlier iterations, an anchor that follows the base's variety, and credit against the base's
// pictures.
TEST(resume, buffers_and_what_is_measured_against_the_base_go_on_bit_for_bit) {
  TrainConfig buffered = tiny_config("raft");
  buffered.slots.objective.threshold = 0.4;
  buffered.slots.objective.buffer = 2;
  buffered.slots.regularizer = {.kind = "kl_x0", .weight = 1, .pool = 2, .time_power = 1, .kept_share = 0.9};
  buffered.rollout.base_samples = 4;
  buffered.checkpoint.keep = 5;
  expect_same_after_a_stop(buffered);
  TrainConfig compared = tiny_config();
  compared.slots.shaping = {.kind = "mmd", .weight = 1};
  compared.rollout.base_samples = 4;
  compared.checkpoint.keep = 5;
  for (const int64_t rank : {0, 2}) {
    compared.lora.rank = rank;
    compared.slots.shaping.scope = rank == 0 ? "group" : "batch";
    expect_same_after_a_stop(compared);
  }
  TrainConfig matched = tiny_config("tmpo");
  matched.checkpoint.keep = 5;
  expect_same_after_a_stop(matched);
}

}  // namespace resume_test
}  // namespace gamut::train
