// SPDX-License-Identifier: Apache-2.0
// Files, folders and machines that do not allow a run: one line, exit 2, 3 or 4, nothing lost.
#include "cli/micro.h"
#include "cli/run_program.h"
#include "gamut/io/run_lock.h"
#include "support/sanitizers.h"

#include <gtest/gtest.h>

namespace gamut::testing {
namespace bad_run_test {

void expect_error(const Ran& ran, int code, const std::string& message) {
  EXPECT_EQ(ran.code, code);
  EXPECT_EQ(ran.err, "error: " + message + "\n");
  EXPECT_EQ(ran.out, "");
}

TEST(bad_run, keeps_an_existing_run_folder) {
  const Micro micro;
  fs::create_directory(micro / "run");
  write_raw(micro / "run/mine.txt", "precious");
  expect_error(gamut(micro.train("run")), 2,
               "[run] the run folder '" + (micro / "run").string() +
                   "' exists already; use --resume to go on with it, or another --run");
  EXPECT_EQ(io::read_text(micro / "run/mine.txt"), "precious");
  EXPECT_EQ(std::distance(fs::directory_iterator(micro / "run"), {}), 1);
}

TEST(bad_run, names_a_folder_that_cannot_be_made) {
  const Micro micro;
  write_raw(micro / "file", "in the way");
  expect_error(gamut(micro.train("file/run")), 4,
               "[run] cannot create the run folder '" + (micro / "file/run").string() +
                   "': Not a directory; name a writable place with --run");
  expect_error(gamut({"train", micro.recipe().string(), "--run", "/proc/nowhere/run"}), 4,
               "[run] cannot create the run folder '/proc/nowhere/run': No such file or directory; name a "
               "writable place "
               "with --run");
  EXPECT_EQ(io::read_text(micro / "file"), "in the way");
}

TEST(bad_run, refuses_a_second_writer) {
  const Micro micro;
  const fs::path run = micro / "run";
  Program first(micro.train("run", {"--set", "iterations=400", "--quiet"}), {});
  ASSERT_TRUE(first.wait_until([&] { return fs::exists(run / "checkpoints/step_000002/DONE"); }));
  const Ran second = gamut(micro.train("run", {"--set", "iterations=400", "--resume"}));
  first.signal(SIGTERM);
  const Ran ended = first.wait();
  EXPECT_EQ(ended.code, 130) << ended.err;
  expect_error(second, 4,
               cat("[run] process ", read_file(run / "lock"), " is writing into '", run.string(),
                   "'; wait until it ends, or name another folder"));
  EXPECT_NO_THROW(const io::RunLock free(run));
}

TEST(bad_run, names_a_result_that_cannot_be_written) {
  auto sample = [](const std::string& flag, const std::string& path) {
    return gamut(
        {"sample", "--model", kTiny.string(), "--prompt", "x", "-n", "1", "--steps", "1", flag, path});
  };
  const std::string why = "; got 'No such file or directory'";
  expect_error(
      sample("--save-latents", "/proc/nowhere/a.safetensors"), 4,
      "[files] cannot write '/proc/nowhere/a.safetensors'" + why + "; any earlier file is untouched");
  expect_error(sample("--out", "/proc/nowhere/a.png"), 4,
               "[files] cannot write '/proc/nowhere/a.png'" + why + "; any earlier file is untouched");
  expect_error(sample("--save-images", "/proc/nowhere/a"), 4, "[files] cannot use '/proc/nowhere/a'" + why);
}

TEST(bad_run, names_missing_tesseract_data) {
  const Micro micro;
  fs::create_directory(micro / "empty");
  for (const std::string who : {"reward", "judge"})
    expect_error(gamut(micro.train("run", {"--set", who + ".kind=ocr", "--set",
                                           who + ".tessdata=" + (micro / "empty").string()})),
                 4,
                 "[ocr] Tesseract needs its English data; got no 'eng.traineddata' in '" +
                     (micro / "empty").string() + "'; install it with: apt install tesseract-ocr-eng");
  EXPECT_FALSE(fs::exists(micro / "run"));
}

TEST(bad_run, names_a_missing_model_and_reader) {
  const Micro micro;
  expect_error(gamut(micro.train("run", {"--set", "model=no-model"})), 4,
               "[model] folder 'no-model' does not exist; is the path right?");
  EXPECT_EQ(gamut(micro.train("run", {"--set", "reward.model=no/reader"})).code, 4);
  EXPECT_FALSE(fs::exists(micro / "run"));
}

TEST(bad_run, names_the_line_of_a_bad_prompt) {
  const Micro micro;
  const std::string file = (micro / "prompts.jsonl").string(),
                    good = "{\"prompt\": \"the digit 7\", \"target\": \"7\"}\n";
  auto expect_line = [&](const std::string& text, const std::string& message) {
    write_raw(file, text);
    expect_error(gamut(micro.train("run")), 3, message);
  };
  expect_line(
      good + good + "{\"prompt\": \"x\"\n",
      "[json] '" + file +
          "' line 3:1:15 is not valid JSON; got syntax error while parsing object - unexpected end of "
          "input; expected '}'");
  expect_line(good + "{\"promt\": \"x\"}\n",
              "[prompts] '" + file + "' line 2: 'prompt' must be a non-empty string; got the keys promt");
  expect_line(good + "\n[1]\n", "[prompts] '" + file + "' line 3: a line must be one JSON object");
  expect_line("\n", "[prompts] '" + file + "' must hold at least one prompt; got none");
  fs::remove(file);
  expect_error(gamut(micro.train("run")), 4,
               "[files] cannot read '" + file + "'; got 'No such file or directory'");
  EXPECT_FALSE(fs::exists(micro / "run"));
}

TEST(bad_run, names_starting_latents_that_do_not_fit) {
  const Micro micro;
  auto sample = [&](const fs::path& init) {
    return gamut({"sample", "--model", kTiny.string(), "--prompt", "x", "-n", "2", "--init-latents",
                  init.string(), "--save-latents", (micro / "out").string()});
  };
  const std::vector<float> zeros(12 * 16 * 16);
  const fs::path init = micro / "init.safetensors";
  io::save_safetensors(init,
                       {{"latents", io::Dtype::kF32, {1, 12, 16, 16}, std::as_bytes(std::span(zeros))}});
  expect_error(sample(init), 3,
               "[sample] 'latents' of " + init.string() +
                   " has the wrong shape; got [1, 12, 16, 16]; expected [2, 12, 16, "
                   "16] = prompts x n, then the model's latent");
  io::save_safetensors(init, {{"latent", io::Dtype::kF32, {1, 12, 16, 16}, std::as_bytes(std::span(zeros))}});
  expect_error(sample(init), 3, "[sample] " + init.string() + " has no tensor 'latents'");
  fs::remove(init);
  expect_error(sample(init), 4,
               "[safetensors] cannot read '" + init.string() + "'; got 'No such file or directory'");
}

TEST(bad_run, refuses_weights_of_another_model) {
  const Micro micro;
  const Ran ran = gamut({"eval", micro.recipe().string(), "--weights",
                         (kTiny / "text_encoder/model.safetensors").string(), "--json"});
  expect_error(ran, 3,
               "[weights] tensor 'conv_in.weight' is missing; were the weights made for another model?");
}

TEST(bad_run, stops_when_its_folder_is_moved) {
  const Micro micro;
  const fs::path run = micro / "run";
  Program training(
      micro.train("run", {"--set", "iterations=100000", "--set", "checkpoint.every=1", "--quiet"}), {});
  ASSERT_TRUE(training.wait_until([&] { return fs::exists(run / "checkpoints/step_000002/DONE"); }));
  fs::rename(run, micro / "moved");
  const Ran ran = training.wait();
  EXPECT_EQ(ran.code, 4) << ran.err;
  EXPECT_TRUE(ran.err.starts_with("error: ")) << ran.err;
  EXPECT_FALSE(fs::exists(run)) << "nothing is made anew";
  EXPECT_EQ(
      gamut({"train", micro.recipe().string(), "--run", (micro / "moved").string(), "--resume", "--set",
             "iterations=" + std::to_string(io::read_json_lines(micro / "moved/metrics.jsonl").size() + 1),
             "--set", "checkpoint.every=1"})
          .code,
      0);
}

TEST(bad_run, says_that_training_diverged) {
  const Micro micro;
  const Ran ran = gamut(micro.train("run", {"--set", "optimizer.learning_rate=1e6", "--quiet"}));
  EXPECT_EQ(ran.code, 5);
  EXPECT_EQ(ran.err,
            "error: [train] 8 of 8 pictures of iteration 2 are not finite: training diverged; lower "
            "optimizer.learning_rate, or resume from an earlier checkpoint by removing the newer ones from "
            "checkpoints/\n");
  expect_error(gamut(micro.train("other", {"--set", "optimizer.beta2=1"})), 2,
               "[config] key 'optimizer.beta2' must be >= 0 and < 1; got 1 (--set #1)");
  expect_error(gamut(micro.train("other", {"--set", "optimizer.beta1=1.0"})), 2,
               "[config] key 'optimizer.beta1' must be >= 0 and < 1; got 1.0 (--set #1)");
}

TEST(bad_run, out_of_memory_is_no_internal_error) {
  if (kAddressSanitizer) GTEST_SKIP() << "the sanitizer wants more addresses than the limit";
  const Micro micro;
  RunOptions options;
  options.memory_limit = rlim_t{3} << 30;
  const Ran ran = gamut({"sample", "--model", kTiny.string(), "--prompt", "K", "-n", "64", "--steps", "1",
                         "--height", "8192", "--width", "8192", "--save-latents", (micro / "out").string()},
                        options);
  expect_error(ran, 4, "[memory] out of memory; lower rollout.micro_batch or eval.micro_batch");
}

TEST(bad_run, a_batch_is_bounded) {
  const Micro micro;
  expect_error(gamut({"plan", micro.recipe().string(), "--set", "eval.micro_batch=9223372036854775807"}), 2,
               "[config] key 'eval.micro_batch' must be in 0..65536; got 9223372036854775807 (--set #1)");
}

TEST(bad_run, a_prompt_of_any_length_gives_its_pictures) {
  const Micro micro;
  const Ran ran = gamut({"sample", "--model", kTiny.string(), "--prompt", std::string(100'000, 'K'), "-n",
                         "1", "--steps", "1", "--out", (micro / "sheet.png").string()});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_LT(fs::file_size(micro / "sheet.png"), 100'000u);
}

// Files of a run that somebody else wrote.
TEST(bad_run, names_spoilt_records) {
  const Micro micro;
  ASSERT_EQ(gamut(micro.train("run", {"--set", "iterations=2"})).code, 0);
  const fs::path run = micro / "run";
  const auto run_text = run.string();

  const std::string groups = read_file(run / "groups.jsonl");
  write_raw(run / "groups.jsonl", "{\"step\": 1, \"columns\": \"x\"}\n{\"step\": 1, \"columns\": 1e300}\n");
  EXPECT_EQ(gamut({"report", run_text, "-o", (micro / "r.html").string()}).code, 0);
  write_raw(run / "groups.jsonl", groups);

  const fs::path samples = run / "samples/step_000002.safetensors";
  const std::string whole = read_file(samples);
  auto spoil = [&](std::vector<int64_t> shape) {
    int64_t bytes = 1;
    for (const int64_t size : shape) bytes *= size;
    const std::vector<std::byte> data(static_cast<size_t>(bytes));
    io::save_safetensors(samples, {{"pictures", io::Dtype::kU8, std::move(shape), data}});
  };
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{6, 1, 1, 1}, {6, 3, 16, 16}, {4, 3, 32, 32}, {0, 3, 32, 32}}) {
    spoil(shape);
    const Ran ran = gamut({"compare", run_text, "--out", (micro / "c.png").string()});
    EXPECT_EQ(ran.code, 3) << ran.err;
  }
  spoil({int64_t{1} << 60, 3, 0, 0});
  EXPECT_EQ(gamut({"report", run_text, "-o", (micro / "r.html").string()}).code, 3);
  write_raw(samples, whole);
  EXPECT_EQ(gamut({"compare", run_text, "--out", (micro / "c.png").string()}).code, 0);
}

}  // namespace bad_run_test
}  // namespace gamut::testing
