// SPDX-License-Identifier: Apache-2.0
// Adapters on the command line: trained, sampled, evaluated, converted, merged, and what is refused.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gamut::testing {
namespace lora_test {

using nlohmann::json;

const fs::path kForeign = kSource / "tests/models/fixtures/lora_files";

std::vector<float> latents(const fs::path& model, const std::vector<std::string>& more) {
  const TempFolder folder;
  const fs::path path = folder / "latents.safetensors";
  std::vector<std::string> args{"sample",     "--model", model.string(), "--prompt", "the digit 7",
                                "-n",         "2",       "--steps",      "3",        "--save-latents",
                                path.string()};
  args.insert(args.end(), more.begin(), more.end());
  const Ran ran = gamut(args);
  EXPECT_EQ(ran.code, 0) << ran.err;
  if (ran.code != 0) return {};
  const io::SafetensorsFile file = io::SafetensorsFile::open(path);
  const std::span<const std::byte> bytes = file.bytes(file.at("latents"));
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i)
    largest = std::max(largest, std::abs(double(a[i]) - double(b[i])));
  return largest;
}

// A short run with adapters; alpha / r is 2, so that folding it into B rounds nothing.
struct LoraRun {
  Micro micro;
  Ran ran;
  LoraRun() {
    ran = gamut(micro.train(
        "run", {"--set", "lora.rank=2", "--set", "lora.targets=[\"to_q\", \"to_v\", \"proj_in\", \"conv1\"]",
                "--set", "optimizer.learning_rate=2e-2"}));
  }
  std::string model() const { return (micro / "run" / "model").string(); }
};

const LoraRun& lora_run() {
  static const LoraRun run;
  return run;
}

TEST(lora, a_run_leaves_its_adapter) {
  const LoraRun& run = lora_run();
  ASSERT_EQ(run.ran.code, 0) << run.ran.err;
  EXPECT_NE(run.ran.err.find("lora   "), std::string::npos) << run.ran.err;
  EXPECT_NE(run.ran.out.find("--lora"), std::string::npos) << run.ran.out;
  EXPECT_TRUE(run.ran.out.ends_with("kohya.safetensors --to kohya\n")) << run.ran.out;
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(run.model())) files.push_back(entry.path().filename());
  EXPECT_EQ(files, std::vector<std::string>{"pytorch_lora_weights.safetensors"});
  for (const json& row : io::read_json_lines(run.micro / "run" / "metrics.jsonl"))
    EXPECT_EQ(row["ratio_max_deviation"], 0.0);
}

TEST(lora, sampling_takes_files_scales_and_several) {
  const std::string model = lora_run().model();
  const std::vector<float> base = latents(kTiny, {}), adapted = latents(kTiny, {"--lora", model});
  EXPECT_GT(largest_difference(base, adapted), 1e-3);
  EXPECT_EQ(latents(kTiny, {"--lora", model + ":0"}), base);
  EXPECT_EQ(latents(kTiny, {"--lora", model + "/pytorch_lora_weights.safetensors:1.0"}), adapted);
  EXPECT_LT(
      largest_difference(latents(kTiny, {"--lora", model + ":0.25", "--lora", model + ":0.75"}), adapted),
      1e-4);
}

// The run's last evaluation is of the same policy, adapter unmerged in both: the same bits, the same numbers.
TEST(lora, evaluation_repeats_the_runs_own) {
  const LoraRun& run = lora_run();
  const Ran ran = gamut({"eval", run.micro.recipe().string(), "--lora", run.model(), "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  json got = json::parse(ran.out), expected;
  for (const json& row : io::read_json_lines(run.micro / "run" / "evals.jsonl"))
    if (row["role"] == got["role"] && row["set"] == got["set"] && row["weights"] != "raw") expected = row;
  EXPECT_EQ(expected["step"], 4);
  for (const char* key : {"seconds", "step", "weights"}) expected.erase(key);
  EXPECT_NE(got["measured"].get<std::string>().find("adapter"), std::string::npos);
  for (const char* key : {"seconds", "further", "measured"}) got.erase(key);
  EXPECT_EQ(got, expected);
}

TEST(lora, every_form_samples_the_same_pictures) {
  const LoraRun& run = lora_run();
  const std::vector<float> expected = latents(kTiny, {"--lora", run.model()});
  std::string from = run.model();
  for (const auto& [form, name] :
       {std::pair("peft", "peft"), {"kohya", "k.safetensors"}, {"diffusers", "d.safetensors"}}) {
    const std::string to = (run.micro / name).string();
    const Ran ran = gamut({"convert", "lora", from, to, "--to", form});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(latents(kTiny, {"--lora", to}), expected) << form;
    from = to;
  }
  EXPECT_EQ(read_file(from), read_file(run.model() + "/pytorch_lora_weights.safetensors"));
  const Ran half = gamut({"convert", "lora", from, (run.micro / "half.safetensors").string(), "--to",
                          "diffusers", "--dtype", "fp16"});
  ASSERT_EQ(half.code, 0) << half.err;
  EXPECT_LT(
      largest_difference(latents(kTiny, {"--lora", (run.micro / "half.safetensors").string()}), expected),
      1e-2);
}

TEST(lora, merged_weights_sample_the_same_pictures) {
  const LoraRun& run = lora_run();
  const fs::path merged = run.micro / "merged";
  const Ran ran = gamut({"convert", "merge", kTiny.string(), run.model() + ":0.5", merged.string()});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_LT(largest_difference(latents(merged, {}), latents(kTiny, {"--lora", run.model() + ":0.5"})), 1e-4);
  const Ran again = gamut({"convert", "merge", kTiny.string(), run.model(), merged.string()});
  EXPECT_EQ(again.code, 2);
  EXPECT_NE(again.err.find("needs a new folder"), std::string::npos) << again.err;
}

TEST(lora, refuses_what_does_not_fit_in_one_line) {
  const Micro micro;
  const auto sample = [](const std::string& lora) {
    return gamut({"sample", "--model", kTiny.string(), "--prompt", "x", "--lora", lora, "--save-latents",
                  "/dev/null"});
  };
  const std::vector<std::tuple<Ran, int, std::string>> cases{
      {sample((kForeign / "peft").string()), 3, "was it made for another model?"},
      {sample("nowhere.safetensors"), 4, "adapter 'nowhere.safetensors' does not exist"},
      {sample("nowhere:much"), 2, "'much' is no number"},
      {sample((kSource / "models/glyphs/unet/diffusion_pytorch_model.safetensors").string()), 3,
       "is no part of a LoRA"},
      {gamut({"sample", "--model", (kForeign / "diffusers").string(), "--prompt", "x", "--out", "x.png"}), 4,
       "is an adapter; give it with --lora"},
      {gamut({"convert", "lora", (kForeign / "peft").string(), (micro / "x.safetensors").string(), "--to",
              "peft"}),
       2, "peft's form is a folder"},
      {gamut(micro.train("run", {"--set", "lora.rank=2", "--set", "lora.targets=[\"to_w\"]"})), 2,
       "lora.targets: 'to_w' takes no layer of the model"}};
  for (const auto& [ran, code, part] : cases) {
    EXPECT_EQ(ran.code, code) << ran.err;
    EXPECT_NE(ran.err.find(part), std::string::npos) << ran.err;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  }
  EXPECT_FALSE(fs::exists(micro / "run"));
}

}  // namespace lora_test
}  // namespace gamut::testing
