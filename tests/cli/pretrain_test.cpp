// SPDX-License-Identifier: Apache-2.0
// `gamut pretrain` of a base that learns next to nothing: stopping, resuming, and what it refuses.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

namespace gamut::testing {
namespace pretrain_test {

// pretrain with eight steps of two pictures, a checkpoint after every second one.
std::vector<std::string> pretrain(const TempFolder& folder, const std::string& name,
                                  const std::vector<std::string>& more = {}) {
  write_raw(folder / "base.toml",
            cat("task = \"base\"\nbase_config = ", quoted(kSource / "recipes/glyphs/base_config"),
                "\nsteps = 8\nbatch = 2\npictures = 8\nwarmup = 2\n[checkpoint]\nevery = 2\n"));
  std::vector<std::string> args{"pretrain", (folder / "base.toml").string(),
                                "--run",    (folder / name).string(),
                                "--set",    cat("output=", (folder / (name + "-model")).string())};
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

TEST(pretrain, stopped_and_resumed_gives_the_same_model) {
  const TempFolder folder;
  Program program(pretrain(folder, "stopped"), {});
  ASSERT_TRUE(
      program.wait_until([&] { return fs::exists(folder / "stopped/checkpoints/step_000002/DONE"); }));
  program.signal(SIGTERM);
  const Ran stopped = program.wait();
  EXPECT_EQ(stopped.code, 130) << stopped.err;
  // The whole command, to be copied.
  EXPECT_NE(stopped.err.find("go on with: gamut pretrain "), std::string::npos) << stopped.err;
  EXPECT_TRUE(stopped.err.ends_with(" --run " + (folder / "stopped").string() + " --resume\n"))
      << stopped.err;

  ASSERT_EQ(gamut(pretrain(folder, "stopped", {"--resume"})).code, 0);
  ASSERT_EQ(gamut(pretrain(folder, "whole")).code, 0);
  for (const char* file : {"unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"})
    EXPECT_EQ(read_file(folder / "stopped-model" / file), read_file(folder / "whole-model" / file)) << file;

  // What it wrote is a model that samples.
  EXPECT_EQ(gamut({"sample", "--model", (folder / "whole-model").string(), "--prompt", "the digit 7", "-n",
                   "1", "--steps", "1", "--out", (folder / "sheet.png").string()})
                .code,
            0);
}

TEST(pretrain, resumes_only_under_its_own_recipe) {
  const TempFolder folder;
  ASSERT_EQ(gamut(pretrain(folder, "run", {"--set", "steps=2"})).code, 0);
  const Ran changed = gamut(pretrain(folder, "run", {"--resume", "--set", "steps=2", "--set", "batch=3"}));
  EXPECT_EQ(changed.code, 2);
  EXPECT_EQ(
      changed.err,
      "error: [run] a run resumes only under its own recipe; changed: batch was 2 and is 3; start a new run, "
      "or undo the change\n");
  const Ran again = gamut(pretrain(folder, "run"));
  EXPECT_EQ(again.code, 2);
  EXPECT_EQ(again.err, "error: [run] the run folder '" + (folder / "run").string() +
                           "' exists already; use --resume to go on with it, or another --run\n");
}

TEST(pretrain, of_a_clip_writes_a_model_and_resumes) {
  const TempFolder folder;
  write_raw(folder / "clip.toml",
            cat("task = \"clip\"\nclip_config = ", quoted(kSource / "recipes/glyphs/clip_config"),
                "\nsteps = 4\nbatch = 4\npictures = 16\nholdout = 64\n[checkpoint]\nevery = 2\n"));
  const std::vector<std::string> args{"pretrain", (folder / "clip.toml").string(),
                                      "--run",    (folder / "run").string(),
                                      "--set",    cat("output=", (folder / "model").string())};
  const Ran made = gamut(args);
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_NE(made.err.find(" of held-out captions find their picture among 64"), std::string::npos)
      << made.err;
  const std::string weights = read_file(folder / "model/model.safetensors");

  fs::remove_all(folder / "run/checkpoints/step_000004");
  std::vector<std::string> resumed = args;
  resumed.push_back("--resume");
  EXPECT_EQ(gamut(resumed).code, 0);
  EXPECT_EQ(read_file(folder / "model/model.safetensors"), weights);

  // The folder of another task's run.
  const Ran other = gamut(pretrain(folder, "run", {"--resume"}));
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("error: [run] a run resumes only under its own recipe"), std::string::npos)
      << other.err;
}

}  // namespace pretrain_test
}  // namespace gamut::testing
