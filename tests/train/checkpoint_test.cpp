// SPDX-License-Identifier: Apache-2.0
#include "gamut/train/checkpoint.h"

#include "gamut/core/error.h"
#include "gamut/io/files.h"
#include "support/message_of.h"
#include "support/small_disk.h"
#include "support/temp_folder.h"
#include "support/write_raw.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace gamut::train {
namespace checkpoint_test {

namespace fs = std::filesystem;
using testing::message_of;
using testing::TempFolder;

const std::string kAdvice = "remove this checkpoint to resume from an earlier one";

// A policy of one tensor with its optimizer and average.
struct TinyRun {
  explicit TinyRun(double value, int64_t size = 5)
      : weights{{"w", at::full({size}, value, at::kFloat).requires_grad_(true)}},
        optimizer(weights, {}),
        ema(weights, {}) {}
  CheckpointParts parts() { return {.weights = weights, .optimizer = optimizer, .ema = ema}; }
  void step() {
    weights[0].tensor.mutable_grad() = at::ones_like(weights[0].tensor);
    optimizer.step();
    ema.update(8);
  }
  std::vector<nn::NamedTensor> weights;
  AdamW optimizer;
  Ema ema;
};

std::vector<std::string> listing(const fs::path& run) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints"))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(checkpoint, everything_comes_back) {
  const TempFolder folder;
  TinyRun saved(1), loaded(9);
  saved.step();
  saved.step();
  save_checkpoint(folder.path(), 30, saved.parts(), {{"guard", {{"x", 1.5}}}}, 2);
  const std::optional<fs::path> found = latest_checkpoint(folder.path());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->filename(), "step_000030");
  const nlohmann::json state = load_checkpoint(*found, loaded.parts());
  EXPECT_EQ(state["step"], 30);
  EXPECT_EQ(state["guard"]["x"], 1.5);
  EXPECT_TRUE(at::equal(loaded.weights[0].tensor, saved.weights[0].tensor));
  EXPECT_TRUE(at::equal(loaded.ema.weights()[0].tensor, saved.ema.weights()[0].tensor));
  EXPECT_FALSE(at::equal(saved.ema.weights()[0].tensor,
                         saved.weights[0].tensor));  // so that the lines above say something
  EXPECT_EQ(loaded.optimizer.steps_done(), 2);
  for (size_t i = 0; i < 2; ++i)
    EXPECT_TRUE(at::equal(loaded.optimizer.state()[i].tensor, saved.optimizer.state()[i].tensor));
}

TEST(checkpoint, the_newest_ones_stay) {
  const TempFolder folder;
  TinyRun run(1);
  for (const int64_t step : {1, 2, 999999, 1000000}) save_checkpoint(folder.path(), step, run.parts(), {}, 2);
  EXPECT_EQ(listing(folder.path()), (std::vector<std::string>{"step_1000000", "step_999999"}));
  EXPECT_EQ(latest_checkpoint(folder.path())->filename(), "step_1000000");
}

TEST(checkpoint, one_step_can_be_saved_again) {
  const TempFolder folder;
  TinyRun one(1), two(2), loaded(9);
  save_checkpoint(folder.path(), 5, one.parts(), {}, 2);
  save_checkpoint(folder.path(), 5, two.parts(), {}, 2);
  load_checkpoint(*latest_checkpoint(folder.path()), loaded.parts());
  EXPECT_EQ(loaded.weights[0].tensor[0].item<double>(), 2);
}

TEST(checkpoint, leftovers_of_a_kill_are_not_seen) {
  const TempFolder folder;
  EXPECT_FALSE(latest_checkpoint(folder.path()));
  TinyRun run(1);
  save_checkpoint(folder.path(), 10, run.parts(), {}, 2);
  fs::copy(folder / "checkpoints/step_000010", folder / "checkpoints/step_000020");
  fs::remove(folder / "checkpoints/step_000020/DONE");  // killed before the mark
  fs::copy(folder / "checkpoints/step_000010",
           folder / "checkpoints/.step_000030.tmp");  // killed while writing
  EXPECT_EQ(latest_checkpoint(folder.path())->filename(), "step_000010");
  save_checkpoint(folder.path(), 20, run.parts(), {}, 2);
  save_checkpoint(folder.path(), 30, run.parts(), {}, 2);
  EXPECT_EQ(listing(folder.path()), (std::vector<std::string>{"step_000020", "step_000030"}));
}

TEST(checkpoint, a_full_disk_leaves_the_earlier_ones_intact) {
  const TempFolder folder;
  TinyRun run(1, 4000), loaded(9, 4000);
  save_checkpoint(folder.path(), 10, run.parts(), {}, 1);
  run.step();
  {
    const testing::SmallDisk disk(20000);  // the weights fit, the optimizer's two moments do not
    EXPECT_THROW(save_checkpoint(folder.path(), 20, run.parts(), {}, 1), EnvironmentError);
  }
  EXPECT_EQ(listing(folder.path()), (std::vector<std::string>{"step_000010"}));
  load_checkpoint(*latest_checkpoint(folder.path()), loaded.parts());
  EXPECT_EQ(loaded.weights[0].tensor[0].item<double>(), 1);
}

TEST(checkpoint, a_folder_in_the_way_is_an_environment_error) {
  const TempFolder folder;
  TinyRun run(1);
  testing::write_raw(folder / "checkpoints", "a file");
  const std::string message =
      message_of<EnvironmentError>([&] { save_checkpoint(folder.path(), 1, run.parts(), {}, 2); });
  EXPECT_TRUE(message.starts_with("[checkpoint] cannot write ")) << message;
  EXPECT_TRUE(message.ends_with("; earlier checkpoints are intact")) << message;
}

TEST(checkpoint, damaged_files_are_data_errors) {
  const TempFolder folder;
  TinyRun run(1);
  save_checkpoint(folder.path(), 10, run.parts(), {}, 2);
  const fs::path checkpoint = *latest_checkpoint(folder.path());
  for (const char* file : {"weights.safetensors", "ema.safetensors", "optimizer.safetensors"}) {
    const TempFolder copy;
    fs::copy(checkpoint, copy.path(), fs::copy_options::recursive);
    fs::resize_file(copy / file, fs::file_size(copy / file) - 3);
    const std::string message = message_of<DataError>([&] { load_checkpoint(copy.path(), run.parts()); });
    EXPECT_NE(message.find(file), std::string::npos) << message;
  }
  testing::write_raw(checkpoint / "state.json", "{\"step\": \"ten\"}");
  EXPECT_EQ(message_of<DataError>([&] { load_checkpoint(checkpoint, run.parts()); }),
            "[checkpoint] " + (checkpoint / "state.json").string() +
                " must hold integers 'step' and 'optimizer_steps'; remove this checkpoint to resume from an "
                "earlier one");
}

TEST(checkpoint, changed_files_are_data_errors) {
  const TempFolder folder;
  TinyRun run(1);
  run.step();
  save_checkpoint(folder.path(), 10, run.parts(), {}, 2);
  const fs::path checkpoint = *latest_checkpoint(folder.path());
  for (const std::string name :
       {"weights.safetensors", "ema.safetensors", "optimizer.safetensors", "state.json"}) {
    const TempFolder copy;
    fs::copy(checkpoint, copy.path(), fs::copy_options::recursive);
    std::string bytes = io::read_text(copy / name);
    // The lowest bit of a weight, or a blank that JSON does not miss.
    if (name == "state.json")
      bytes.insert(1, " ");
    else
      bytes[bytes.size() - 4] = char(bytes[bytes.size() - 4] ^ 1);
    testing::write_raw(copy / name, bytes);
    const std::string message = message_of<DataError>([&] { load_checkpoint(copy.path(), run.parts()); });
    EXPECT_NE(message.find(name), std::string::npos) << message;
    EXPECT_TRUE(
        message.ends_with("is not what was written: its checksum differs; a bad disk or copy?; " + kAdvice))
        << message;
  }
}

TEST(checkpoint, older_ones_without_checksums_load) {
  const TempFolder folder;
  TinyRun saved(1), loaded(9);
  save_checkpoint(folder.path(), 10, saved.parts(), {}, 2);
  const fs::path checkpoint = *latest_checkpoint(folder.path());
  nlohmann::json state = io::read_json(checkpoint / "state.json");
  state.erase("crc32c");
  io::write_json(checkpoint / "state.json", state);
  testing::write_raw(checkpoint / "DONE", "");
  load_checkpoint(checkpoint, loaded.parts());
  EXPECT_EQ(loaded.weights[0].tensor[0].item<double>(), 1);
}

TEST(checkpoint, numbers_that_no_training_leaves_are_data_errors) {
  const TempFolder folder;
  TinyRun run(1);
  save_checkpoint(folder.path(), 10, run.parts(), {}, 2);
  const fs::path checkpoint = *latest_checkpoint(folder.path());
  nlohmann::json state = io::read_json(checkpoint / "state.json");
  state.erase("crc32c");
  io::write_json(checkpoint / "state.json", state);
  const std::string whole = io::read_text(checkpoint / "optimizer.safetensors");
  auto with_moment = [&](const std::string& name, double value) {
    std::vector<nn::NamedTensor> moments = run.optimizer.state();
    for (nn::NamedTensor& moment : moments)
      if (moment.name == name) moment.tensor = at::full_like(moment.tensor, value);
    nn::save_safetensors(checkpoint / "optimizer.safetensors", moments);
    return message_of<DataError>([&] { load_checkpoint(checkpoint, run.parts()); });
  };
  EXPECT_EQ(with_moment("exp_avg.w", std::nan("")),
            "[checkpoint] tensor 'exp_avg.w' must hold finite numbers; got 5 of 5 NaN or infinite; the file "
            "is damaged; " +
                kAdvice);
  EXPECT_EQ(with_moment("exp_avg_sq.w", -1),
            "[checkpoint] optimizer state 'exp_avg_sq.w' must hold squares; got negative numbers; the file "
            "is damaged; " +
                kAdvice);
  testing::write_raw(checkpoint / "optimizer.safetensors", whole);
  auto with_state = [&](const char* key, const nlohmann::json& value) {
    nlohmann::json other = state;
    other[key] = value;
    io::write_json(checkpoint / "state.json", other);
    return message_of<DataError>([&] { load_checkpoint(checkpoint, run.parts()); });
  };
  EXPECT_EQ(
      with_state("optimizer_steps", -1),
      "[checkpoint] 'optimizer_steps' of state.json must be a whole number of 0 or more; got -1; " + kAdvice);
  EXPECT_NE(with_state("optimizer_steps", int64_t{1} << 62).find("; got 4611686018427387904; "),
            std::string::npos);
  EXPECT_EQ(with_state("step", 11), "[checkpoint] " + (checkpoint / "state.json").string() +
                                        " must hold the step of its folder; got 11; " + kAdvice);
}

TEST(checkpoint, a_run_folder_that_went_is_not_made_anew) {
  const TempFolder folder;
  TinyRun run(1);
  EXPECT_THROW(save_checkpoint(folder / "gone", 1, run.parts(), {}, 2), EnvironmentError);
  EXPECT_FALSE(fs::exists(folder / "gone"));
}

TEST(checkpoint, what_restores_the_rest_may_miss_a_value) {
  const TempFolder folder;
  TinyRun run(1);
  save_checkpoint(folder.path(), 10, run.parts(), {{"updates_done", "x"}}, 2);
  const fs::path checkpoint = *latest_checkpoint(folder.path());
  const std::string file = (checkpoint / "state.json").string();
  EXPECT_EQ(message_of<DataError>([&] {
              load_checkpoint(checkpoint, run.parts(),
                              [](const nlohmann::json& state) { state.at("guard"); });
            }),
            "[checkpoint] " + file + " lacks a value or holds one of another type: key 'guard' not found; " +
                kAdvice);
  EXPECT_THROW(load_checkpoint(checkpoint, run.parts(),
                               [](const nlohmann::json& state) { stored_count(state, "updates_done"); }),
               DataError);
}

TEST(checkpoint, another_models_checkpoint_is_refused) {
  const TempFolder folder;
  TinyRun five(1, 5), six(1, 6);
  save_checkpoint(folder.path(), 10, five.parts(), {}, 2);
  EXPECT_EQ(message_of<DataError>([&] { load_checkpoint(*latest_checkpoint(folder.path()), six.parts()); }),
            "[checkpoint] tensor 'w' has the wrong shape; got [5]; expected [6]; " + kAdvice);
}

}  // namespace checkpoint_test
}  // namespace gamut::train
