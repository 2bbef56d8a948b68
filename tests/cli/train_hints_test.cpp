// SPDX-License-Identifier: Apache-2.0
// What a run says besides its numbers: how to watch it, what to do next, and when what it saved is the base.
// Commands run as they are printed, from the folder they are printed in, by the name that the program was
// called.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

#include <sstream>

namespace gamut::testing {
namespace train_hints_test {

const std::string kUnet = "unet/diffusion_pytorch_model.safetensors";

// Lines of text that hold the program's name, from it on.
std::vector<std::string> commands_in(const std::string& text, const std::string& program) {
  std::vector<std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (const size_t at = line.find(program + " "); at != std::string::npos) found.push_back(line.substr(at));
  return found;
}

int run_in(const fs::path& folder, const std::string& command) {
  const std::string all =
      cat("cd '", folder.string(), "' && ", command, " > '", (folder / "said").string(), "' 2>&1");
  const int status = std::system(all.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(train_hints, what_a_run_prints_runs_as_printed) {
  const Micro micro;
  fs::create_directories(micro / "my tools");
  fs::create_symlink(GAMUT_PROGRAM, micro / "my tools/gamut");
  const RunOptions called{.folder = micro.recipe().parent_path(), .called = "my tools/gamut"};
  const Ran ran =
      Program({"train", "micro.toml", "--set", "iterations=1", "--set", "lora.rank=2", "--run", "runs/it's"},
              called)
          .wait();
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.err.find("watch  tensorboard --logdir 'runs/it'\\''s'\n"), std::string::npos) << ran.err;
  const std::vector<std::string> commands = commands_in(ran.err, "'my tools/gamut'");
  ASSERT_EQ(commands.size(), 6u) << ran.err;  // two to watch; sample, eval, report, convert
  for (std::string command : commands) {
    if (command.ends_with("--serve")) command += "=0";  // whatever listens at the usual port here
    EXPECT_EQ(run_in(called.folder, command), 0) << command << "\n" << read_file(called.folder / "said");
  }
}

TEST(train_hints, a_stopped_run_goes_on_by_the_name_it_was_called) {
  const Micro micro;
  fs::create_directories(micro / "bin");
  fs::create_symlink(GAMUT_PROGRAM, micro / "bin/gamut");
  const RunOptions called{.folder = micro.recipe().parent_path(), .called = "bin/gamut"};
  Program program({"train", "micro.toml", "--run", "run"}, called);
  ASSERT_TRUE(program.wait_until([&] {
    return fs::exists(micro / "run/metrics.jsonl") && fs::file_size(micro / "run/metrics.jsonl") > 0;
  }));
  program.signal(SIGINT);
  const Ran ran = program.wait();
  ASSERT_EQ(ran.code, 130) << ran.err;
  const size_t at = ran.err.find("go on with: ");
  ASSERT_NE(at, std::string::npos) << ran.err;
  const std::string command = ran.err.substr(at + 12);
  EXPECT_EQ(command, "bin/gamut train micro.toml --run run --resume\n");
  EXPECT_EQ(run_in(called.folder, command.substr(0, command.size() - 1)), 0);
  EXPECT_TRUE(fs::exists(micro / "run/before_after.txt"));
}

// Six updates under ema.every = 8.
TEST(train_hints, a_short_run_saves_what_it_learned) {
  const Micro micro;
  const Ran ran = gamut(micro.train(
      "run", {"--set", "iterations=6", "--set", "ema.every=8", "--set", "optimizer.learning_rate=0.01",
              "--set", "eval.raw=true", "--set", "eval.every=6"}));
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err.find("warning: "), std::string::npos) << ran.err;
  EXPECT_TRUE(read_file(micro / "run/model" / kUnet) != read_file(kTiny / kUnet));
  EXPECT_NE(ran.out.find("      before       after      change         raw\n"), std::string::npos) << ran.out;
  EXPECT_NE(
      ran.out.find("(after: " + (micro / "run").string() + ", step 6, averaged weights (ema.decay 0.9))\n"),
      std::string::npos)
      << ran.out;
  EXPECT_NE(ran.out.find("(before: " + kTiny.string() + ", before training)\n"), std::string::npos)
      << ran.out;
}

TEST(train_hints, with_decay_0_the_average_is_the_weights) {
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("run", {"--set", "iterations=3", "--set", "ema.every=8", "--set", "ema.decay=0",
                                      "--set", "checkpoint.every=1", "--set", "checkpoint.keep=9"}))
                .code,
            0);
  for (const char* step : {"step_000001", "step_000002", "step_000003"})
    EXPECT_TRUE(read_file(micro / "run/checkpoints" / step / "weights.safetensors") ==
                read_file(micro / "run/checkpoints" / step / "ema.safetensors"))
        << step;
}

TEST(train_hints, a_model_that_equals_the_base_is_said) {
  const Micro micro;
  for (const std::string rank : {"0", "2"}) {
    const Ran ran =
        gamut(micro.train("run" + rank, {"--set", "iterations=1", "--set", "optimizer.learning_rate=0",
                                         "--set", "lora.rank=" + rank}));
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_NE(
        ran.err.find(rank == "0"
                         ? "warning: the saved model equals the base; the updates changed no weight; "
                           "raise optimizer.learning_rate\n"
                         : "warning: the saved adapter is all zeros, which is the base; the updates changed "
                           "no weight; raise optimizer.learning_rate\n"),
        std::string::npos)
        << ran.err;
  }
}

}  // namespace train_hints_test
}  // namespace gamut::testing
