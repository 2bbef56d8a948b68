// SPDX-License-Identifier: Apache-2.0
// What is wrong with folders, prompts and adapters of Stable Diffusion 3.5 and FLUX.1: one line each, and
// nothing is written. A missing shard: dit_golden_test.cpp; an IP-adapter's weights:
// models/sd3_transformer_test.cpp.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gamut::testing {
namespace dit_bad_model_test {

using nlohmann::json;
using Strings = std::vector<std::string>;

const fs::path kSd3 = kSource / "models/sd3-tiny", kFlux = kSource / "models/flux-tiny";

Ran sample(const fs::path& model, const fs::path& out, const Strings& more = {},
           const std::string& prompt = "a cat") {
  Strings args{"sample",  "--model", model.string(), "--prompt",  prompt,    "-n", "1",
               "--steps", "1",       "--height",     "16",        "--width", "16", "--max-tokens",
               "20",      "--quiet", "--out",        out.string()};
  args.insert(args.end(), more.begin(), more.end());
  return gamut(args);
}

void expect_one_line(const Ran& ran, int code, const std::string& part, const fs::path& out) {
  EXPECT_EQ(ran.code, code) << ran.err;
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  EXPECT_NE(ran.err.find(part), std::string::npos) << ran.err;
  EXPECT_FALSE(fs::exists(out));
}

// A copy of `model` with one key of one JSON file changed.
void expect_refused_with(const fs::path& model, const std::string& file, const std::string& key,
                         const json& value, const std::string& part) {
  const TempFolder folder;
  fs::copy(model, folder / "model", fs::copy_options::recursive);
  json config = io::read_json(folder / "model" / file);
  config[key] = value;
  io::write_json(folder / "model" / file, config);
  expect_one_line(sample(folder / "model", folder / "out.png"), 3, part, folder / "out.png");
}

TEST(dit_bad_model, other_networks_and_options_are_named) {
  expect_refused_with(kFlux, "transformer/config.json", "_class_name", "Flux2Transformer2DModel",
                      "got \"Flux2Transformer2DModel\"; expected \"FluxTransformer2DModel\"");
  expect_refused_with(kFlux, "model_index.json", "_class_name", "Flux2Pipeline", "got \"Flux2Pipeline\"");
  expect_refused_with(kSd3, "transformer/config.json", "a_new_option", 3, "option 'a_new_option'");
  expect_refused_with(kSd3, "transformer/config.json", "qk_norm", "layer_norm", "option 'qk_norm'");
}

TEST(dit_bad_model, a_vocabulary_of_another_t5_is_named) {
  for (const auto& [model, encoder] : {std::pair{kSd3, "text_encoder_3"}, std::pair{kFlux, "text_encoder_2"}})
    expect_refused_with(model, std::string(encoder) + "/config.json", "vocab_size", 100,
                        "vocab_size must cover the tokenizer's vocabulary; got 100; expected at least 258");
}

TEST(dit_bad_model, weights_that_are_missing_are_named) {
  for (const fs::path& model : {kSd3, kFlux}) {
    const TempFolder folder;
    fs::copy(model, folder / "model", fs::copy_options::recursive);
    fs::remove(folder / "model/transformer/diffusion_pytorch_model.safetensors");
    expect_one_line(sample(folder / "model", folder / "out.png"), 4, "is the model folder complete?",
                    folder / "out.png");
  }
}

// Each encoder reads as far as it can, and says after which words it stopped.
TEST(dit_bad_model, a_long_prompt_is_cut_with_a_warning_that_says_where) {
  std::string prompt;
  for (int i = 0; i < 60; ++i) prompt += (i == 0 ? "word" : " word") + std::to_string(i);
  for (const fs::path& model : {kSd3, kFlux}) {
    const TempFolder folder;
    const Ran ran = sample(model, folder / "out.png", {}, prompt);
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_TRUE(fs::exists(folder / "out.png"));
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 2) << ran.err;
    for (const char* part :
         {"16 tokens of CLIP; its end is cut off there, after 'word0 word1 word2 wo'",
          "20 tokens of T5; its end is cut off there, after 'word0 word1 word2 word3 word'"})
      EXPECT_NE(ran.err.find(part), std::string::npos) << ran.err;
  }
}

// An adapter of each, on the other and on Stable Diffusion 1.x.
TEST(dit_bad_model, an_adapter_for_another_model_is_named) {
  const TempFolder folder;
  for (const auto& [kind, model] : {std::pair{"sd35", kSd3}, std::pair{"flux", kFlux}}) {
    const Ran ran =
        gamut({"train", std::string("recipes/") + kind + "/smoke.toml", "--set", "iterations=1", "--set",
               "eval.members=2", "--set", "eval.steps=1", "--quiet", "--run", (folder / kind).string()});
    ASSERT_EQ(ran.code, 0) << ran.err;
  }
  const auto refused = [&](const fs::path& model, const std::string& kind) {
    expect_one_line(sample(model, folder / "out.png", {"--lora", (folder / kind / "model").string()}), 3,
                    "was it made for another model?", folder / "out.png");
  };
  refused(kFlux, "sd35");
  refused(kSd3, "flux");
  const Ran other =
      gamut({"sample", "--model", (kSource / "models/sd-tiny").string(), "--prompt", "a cat", "--lora",
             (folder / "flux/model").string(), "--out", (folder / "out.png").string()});
  expect_one_line(other, 3, "this model has unet and text_encoder; was it made for another model?",
                  folder / "out.png");
}

}  // namespace dit_bad_model_test
}  // namespace gamut::testing
