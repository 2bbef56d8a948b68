// SPDX-License-Identifier: Apache-2.0
// Ended, killed or out of space: a run goes on from its newest checkpoint as if nothing had happened.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gamut::testing {
namespace resume_test {

const std::string kModel = "model/unet/diffusion_pytorch_model.safetensors";
// Long enough that a signal meets it running.
const std::vector<std::string> kLong{"--set", "iterations=12", "--set", "checkpoint.every=3",
                                     "--set", "eval.every=4"};

std::vector<std::string> joined(std::vector<std::string> args, const std::vector<std::string>& more) {
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

int64_t lines(const fs::path& path) {
  const std::string text = read_file(path);
  return std::count(text.begin(), text.end(), '\n');
}

void expect_same_run(const fs::path& run, const fs::path& whole) {
  for (const char* name : {"metrics.jsonl", "evals.jsonl"}) {
    const auto got = rows_without_seconds(run / name), expected = rows_without_seconds(whole / name);
    ASSERT_EQ(got.size(), expected.size()) << name;
    for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], expected[i]) << name << " row " << i;
  }
  EXPECT_EQ(read_file(run / kModel), read_file(whole / kModel));
  for (const char* name : {"weights.safetensors", "ema.safetensors", "optimizer.safetensors", "state.json"})
    EXPECT_EQ(read_file(run / "checkpoints/step_000012" / name),
              read_file(whole / "checkpoints/step_000012" / name))
        << name;
}

TEST(resume, a_killed_run_goes_on_to_the_same_bits) {
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("whole", kLong)).code, 0);
  // Before any checkpoint, between two, and after the second.
  for (const int64_t after : {1, 4, 8}) {
    const std::string name = "killed" + std::to_string(after);
    const fs::path metrics = micro / name / "metrics.jsonl";
    {
      Program program(micro.train(name, kLong), {});
      ASSERT_TRUE(program.wait_until([&] { return lines(metrics) >= after; }));
      program.signal(SIGKILL);
      EXPECT_EQ(program.wait().ended_by, SIGKILL);
    }
    ASSERT_FALSE(fs::exists(micro / name / "model")) << "the run ended before the signal";
    const Ran ran = gamut(joined(micro.train(name, kLong), {"--resume"}));
    EXPECT_EQ(ran.code, 0) << ran.err;
    expect_same_run(micro / name, micro / "whole");
  }
}

TEST(resume, ctrl_c_finishes_the_step_and_says_how_to_go_on) {
  const Micro micro;
  const fs::path run = micro / "run";
  Program program(micro.train("run", kLong), {});
  ASSERT_TRUE(program.wait_until([&] { return lines(run / "metrics.jsonl") >= 1; }));
  program.signal(SIGINT);
  const Ran ran = program.wait();
  EXPECT_EQ(ran.code, 130) << ran.err;
  const int64_t done = lines(run / "metrics.jsonl");
  EXPECT_LT(done, 12);
  char step[32];
  std::snprintf(step, sizeof step, "step_%06lld", static_cast<long long>(done));
  EXPECT_TRUE(fs::exists(run / "checkpoints" / step / "DONE"));
  const std::string said = "stopped after step " + std::to_string(done) +
                           " with a checkpoint; go on with: gamut train " + micro.recipe().string() +
                           " --set iterations=12 --set checkpoint.every=3 --set eval.every=4 --run " +
                           run.string() + " --resume\n";
  EXPECT_TRUE(ran.err.ends_with(said)) << ran.err;

  ASSERT_EQ(gamut(joined(micro.train("run", kLong), {"--resume"})).code, 0);
  ASSERT_EQ(gamut(micro.train("whole", kLong)).code, 0);
  expect_same_run(run, micro / "whole");
}

TEST(resume, a_second_ctrl_c_ends_at_once) {
  const Micro micro;
  const fs::path metrics = micro / "run/metrics.jsonl";
  // Iterations of many steps, so that the second signal comes within one.
  Program program(
      micro.train("run", {"--set", "sampler.steps=1000", "--set", "schedule.count=100", "--quiet"}), {});
  ASSERT_TRUE(program.wait_until([&] { return fs::exists(metrics); }));
  ASSERT_TRUE(program.wait_until([&] { return lines(micro / "run/evals.jsonl") >= 1; }));
  program.signal(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  program.signal(SIGINT);
  const Ran ran = program.wait();
  EXPECT_EQ(ran.ended_by, SIGINT);
  EXPECT_EQ(lines(metrics), 0);
}

TEST(resume, needs_the_same_recipe) {
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("run", {"--set", "iterations=2"})).code, 0);
  const std::string before = read_file(micro / "run/metrics.jsonl");
  const Ran ran = gamut(micro.train("run", {"--resume", "--set", "seed=7", "--set", "sampler.steps=5"}));
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err,
            "error: [run] a run resumes only under its own recipe; changed: seed was 1 and is 7, "
            "sampler.steps was 4 and is "
            "5; start a new run, or undo the change (only `iterations` and `comm.timeout` may differ)\n");
  EXPECT_EQ(read_file(micro / "run/metrics.jsonl"), before);
  const Ran nothing = gamut(micro.train("nowhere", {"--resume"}));
  EXPECT_EQ(nothing.code, 2);
  EXPECT_EQ(nothing.err, "error: [run] nothing to resume in '" + (micro / "nowhere").string() +
                             "': it has no config.toml\n");
}

TEST(resume, more_iterations_continue_a_finished_run) {
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("run", {"--set", "iterations=2"})).code, 0);
  ASSERT_EQ(gamut(micro.train("run", {"--resume"})).code, 0);
  ASSERT_EQ(gamut(micro.train("whole")).code, 0);
  EXPECT_EQ(rows_without_seconds(micro / "run/metrics.jsonl"),
            rows_without_seconds(micro / "whole/metrics.jsonl"));
  EXPECT_EQ(read_file(micro / "run" / kModel), read_file(micro / "whole" / kModel));
}

TEST(resume, a_full_disk_keeps_earlier_checkpoints) {
  const Micro micro;
  const fs::path run = micro / "run";
  ASSERT_EQ(gamut(micro.train("run", {"--set", "iterations=2"})).code, 0);
  // No file may grow beyond what the records need: the weights of a checkpoint do not fit.
  const Ran full = Program(micro.train("run", {"--resume"}), {.file_size_limit = 100'000}).wait();
  EXPECT_EQ(full.ended_by, 0) << "killed by signal " << full.ended_by;
  EXPECT_EQ(full.code, 4) << full.err;
  EXPECT_TRUE(full.err.ends_with("error: [files] cannot write '" +
                                 (run / "checkpoints/.step_000004.tmp/ema.safetensors").string() +
                                 "'; got 'File too large'; any earlier file is untouched\n"))
      << full.err;
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints"))
    left.push_back(entry.path().filename().string());
  EXPECT_EQ(left, std::vector<std::string>{"step_000002"});

  // With space again it goes on as if nothing had been.
  ASSERT_EQ(gamut(micro.train("run", {"--resume"})).code, 0);
  ASSERT_EQ(gamut(micro.train("whole")).code, 0);
  EXPECT_EQ(rows_without_seconds(run / "metrics.jsonl"), rows_without_seconds(micro / "whole/metrics.jsonl"));
  EXPECT_EQ(read_file(run / kModel), read_file(micro / "whole" / kModel));
}

TEST(resume, a_spoilt_checkpoint_is_named) {
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("run", {"--set", "iterations=2"})).code, 0);
  const fs::path checkpoint = micro / "run/checkpoints/step_000002";
  const std::string whole = read_file(checkpoint / "ema.safetensors");
  write_raw(checkpoint / "ema.safetensors", whole.substr(0, whole.size() - 5));
  const Ran ran = gamut(micro.train("run", {"--resume"}));
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("error: [safetensors] '" + (checkpoint / "ema.safetensors").string() + "': tensor "),
            std::string::npos)
      << ran.err;
  // A checkpoint that is not marked as complete is never read.
  fs::remove(checkpoint / "DONE");
  EXPECT_EQ(gamut(micro.train("run", {"--resume"})).code, 0);
}

// Flips one bit in the middle of a file.
void flip_bit(const fs::path& path) {
  std::string bytes = read_file(path);
  bytes[bytes.size() / 2] = char(bytes[bytes.size() / 2] ^ 1);
  write_raw(path, bytes);
}

TEST(resume, a_flipped_bit_is_noticed_and_an_earlier_checkpoint_still_serves) {
  const Micro micro;
  const std::vector<std::string> every{"--set", "iterations=3", "--set", "checkpoint.every=1"};
  ASSERT_EQ(gamut(micro.train("run", every)).code, 0);
  const fs::path newest = micro / "run/checkpoints/step_000003";
  for (const char* name : {"weights.safetensors", "ema.safetensors", "optimizer.safetensors", "state.json"}) {
    const std::string whole = read_file(newest / name);
    flip_bit(newest / name);
    const Ran ran = gamut(joined(micro.train("run", every), {"--resume"}));
    EXPECT_EQ(ran.code, 3) << name << ": " << ran.err;
    EXPECT_TRUE(ran.err.ends_with("; remove this checkpoint to resume from an earlier one\n")) << ran.err;
    write_raw(newest / name, whole);
  }
  fs::remove_all(newest);
  ASSERT_EQ(gamut(joined(micro.train("run", every), {"--resume"})).code, 0);
  ASSERT_EQ(gamut(micro.train("whole", every)).code, 0);
  EXPECT_EQ(read_file(micro / "run" / kModel), read_file(micro / "whole" / kModel));
}

TEST(resume, refuses_state_that_no_run_leaves) {
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("run", {"--set", "iterations=2"})).code, 0);
  const fs::path file = micro / "run/checkpoints/step_000002/state.json";
  nlohmann::json old = io::read_json(file);
  old.erase("crc32c");  // as it was written before there were checksums
  auto resumed = [&](const nlohmann::json& state) {
    io::write_json(file, state);
    return gamut(micro.train("run", {"--resume", "--set", "iterations=2"}));
  };
  EXPECT_EQ(resumed(old).code, 0);
  for (const char* key : {"guard", "reference", "credit", "updates_done", "optimizer_steps", "step"}) {
    nlohmann::json state = old;
    state.erase(key);
    std::vector<nlohmann::json> bad{state};
    for (const nlohmann::json& value :
         {nlohmann::json("x"), nlohmann::json(-5), nlohmann::json(int64_t{1} << 62)}) {
      state[key] = value;
      bad.push_back(state);
    }
    for (const nlohmann::json& one : bad) {
      const Ran ran = resumed(one);
      EXPECT_EQ(ran.code, 3) << key << ": " << ran.err;
      EXPECT_NE(ran.err.find("remove this checkpoint to resume from an earlier one"), std::string::npos)
          << ran.err;
    }
  }
}

TEST(resume, misses_rows_that_were_lost) {
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("run", {"--set", "iterations=2"})).code, 0);
  const fs::path run = micro / "run";
  auto expect_missing = [&](const char* name, const std::string& kept, const std::string& message) {
    const std::string whole = read_file(run / name);
    kept.empty() ? void(fs::remove(run / name)) : write_raw(run / name, kept);
    const Ran ran = gamut(micro.train("run", {"--resume"}));
    EXPECT_EQ(ran.code, 3) << ran.err;
    EXPECT_EQ(ran.err.substr(ran.err.rfind("error: ")),
              "error: [run] '" + (run / name).string() + "' must hold " + message +
                  "; put the file back, or remove '" + (run / "checkpoints").string() +
                  "' to start from the beginning\n");
    write_raw(run / name, whole);
  };
  const std::string metrics = read_file(run / "metrics.jsonl"), evals = read_file(run / "evals.jsonl");
  const std::string steps = "a row of each step up to the checkpoint at step 2; got none of step ";
  expect_missing("metrics.jsonl", "", steps + "1");
  expect_missing("metrics.jsonl", metrics.substr(metrics.find('\n') + 1), steps + "1");
  expect_missing("metrics.jsonl", metrics.substr(0, metrics.find('\n') + 1), steps + "2");
  const std::string passes = "each evaluation up to the checkpoint at step 2; got none of step ";
  expect_missing("evals.jsonl", "", passes + "0");
  expect_missing("evals.jsonl", evals.substr(0, evals.find('\n') + 1), passes + "2");
  EXPECT_EQ(gamut(micro.train("run", {"--resume"})).code, 0);
}

}  // namespace resume_test
}  // namespace gamut::testing
