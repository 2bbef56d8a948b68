// SPDX-License-Identifier: Apache-2.0
// Files, folders and machines that do not allow a run: one line, exit 2, 3 or 4, nothing lost.
#include "cli/micro.h"
#include "cli/run_program.h"
#include "gamut/io/run_lock.h"

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
               cat("[run] process ", read_file(run / "lock"), " is writing into '",
                   run.string(), "'; wait until it ends, or name another folder"));
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
  expect_error(gamut(micro.train("run", {"--set", "model=no/model"})), 4,
               "[model] folder 'no/model' does not exist; is the path right?");
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
              "[prompts] '" + file + "' line 2: 'prompt' must be a non-empty string");
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

}  // namespace bad_run_test
}  // namespace gamut::testing
