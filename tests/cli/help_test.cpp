// SPDX-License-Identifier: Apache-2.0
// Help, version, completion, and hints at what a word of the field means here.
#include "cli/micro.h"
#include "cli/run_program.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace gamut::testing {
namespace help_test {

const std::vector<std::string> kCommands{"train",
                                         "plan",
                                         "pretrain",
                                         "sweep",
                                         "sample",
                                         "eval",
                                         "compare",
                                         "convert",
                                         "convert lora",
                                         "convert merge",
                                         "frontier",
                                         "report",
                                         "explain",
                                         "explain schedule",
                                         "explain config",
                                         "explain credit",
                                         "explain diversity",
                                         "doctor",
                                         "completion",
                                         "help"};

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

TEST(help, is_the_same_by_both_ways_and_ends_with_examples) {
  for (const std::string& command : kCommands) {
    std::vector<std::string> asked = words_of(command), flagged = asked;
    asked.insert(asked.begin(), "help");
    flagged.push_back("--help");
    const Ran by_name = gamut(asked), by_flag = gamut(flagged);
    EXPECT_EQ(by_name.code, 0) << command << by_name.err;
    EXPECT_EQ(by_flag.code, 0) << command;
    EXPECT_EQ(by_name.out, by_flag.out) << command;
    const size_t examples = by_name.out.find("\nExamples:\n  gamut ");
    ASSERT_NE(examples, std::string::npos) << command;
    // An example uses flags that the help above it lists.
    for (const std::string& word : words_of(by_name.out.substr(examples))) {
      const size_t listed = by_name.out.find(word.substr(0, word.find('=')));
      EXPECT_TRUE(!word.starts_with("-") || listed < examples) << command << ": " << word;
    }
  }
  EXPECT_EQ(gamut({"help"}).out, gamut({"--help"}).out);
  const Ran wrong = gamut({"help", "trian"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_EQ(wrong.err, "error: [usage] no help for an unknown command 'trian'; did you mean 'train'?\n");
}

TEST(help, tells_the_version) {
  const Ran ran = gamut({"--version"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(ran.out.starts_with("gamut ")) << ran.out;
  EXPECT_NE(gamut({"doctor"}).out.find(ran.out.substr(6, ran.out.size() - 7)), std::string::npos);
}

// What bash would offer for a line that ends at its last word.
std::string completed(const fs::path& script, const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += cat(" '", word, "'");
  const fs::path out = script.parent_path() / "offered";
  const std::string command =
      cat("bash -c 'compopt() { :; }; source \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _gamut; "
          "echo \"${COMPREPLY[@]}\"' ",
          script.string(), line, " > ", out.string(), " 2>&1");
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return read_file(out);
}

TEST(help, bash_completes_commands_flags_and_their_values) {
  const TempFolder folder;
  const fs::path script = folder / "gamut.bash";
  write_raw(script, gamut({"completion", "bash"}).out);
  EXPECT_EQ(completed(script, {"gamut", "tr"}), "train\n");
  EXPECT_EQ(completed(script, {"gamut", "explain", "conf"}), "config\n");
  EXPECT_EQ(completed(script, {"gamut", "sample", "--neg"}), "--negative\n");
  EXPECT_EQ(completed(script, {"gamut", "sample", "--model", "x", "--sampler", "d"}), "ddim\n");
  EXPECT_EQ(completed(script, {"gamut", "train", "x.toml", "--set", "optimizer.l"}),
            "optimizer.learning_rate=\n");
  EXPECT_EQ(completed(script, {"gamut", "completion", "z"}), "zsh\n");
  EXPECT_EQ(completed(script, {"gamut", "train", "rec"}), "\n");  // a file: bash's own completion follows
  const std::string fish = gamut({"completion", "fish"}).out;
  for (const std::string& command : kCommands)
    EXPECT_NE(fish.find(" -f -a " + words_of(command).back() + " "), std::string::npos) << command;
  const std::string zsh = gamut({"completion", "zsh"}).out;
  EXPECT_TRUE(zsh.starts_with("#compdef gamut\n"));
  EXPECT_EQ(gamut({"completion", "tcsh"}).code, 2);
}

// Keys as other programs call them, in a recipe and after --set.
TEST(help, recipe_keys_are_found_by_the_fields_words) {
  const struct {
    const char *word, *key;
  } kWords[] = {{"lr", "optimizer.learning_rate"},
                {"batch_size", "rollout.micro_batch"},
                {"train_batch_size", "rollout.micro_batch"},
                {"beta", "regularizer.weight"},
                {"kl_coef", "regularizer.weight"},
                {"guidance_scale", "rollout.guidance_scale"},
                {"cfg_scale", "rollout.guidance_scale"},
                {"num_inference_steps", "sampler.steps"},
                {"sampler.num_steps", "sampler.steps"},
                {"num_generations", "rollout.group_size"},
                {"num_image_per_prompt", "rollout.group_size"},
                {"num_epochs", "iterations"},
                {"max_train_steps", "iterations"},
                {"gradient_accumulation_steps", "rollout.updates"},
                {"clip_range", "loss.clip_range"},
                {"cliprange", "loss.clip_range"},
                {"adv_clip_max", "advantage.clip"},
                {"adam_beta1", "optimizer.beta1"},
                {"optimizer.beta", "optimizer.beta1"},
                {"adam_epsilon", "optimizer.eps"},
                {"weight_decay", "optimizer.weight_decay"},
                {"max_grad_norm", "optimizer.max_grad_norm"},
                {"lora_rank", "lora.rank"},
                {"lora_alpha", "lora.alpha"},
                {"target_modules", "lora.targets"},
                {"pretrained_model_name_or_path", "model"},
                {"reward_fn", "reward.kind"},
                {"eta", "sampler.eta"},
                {"noise_level", "sampler.noise_level"},
                {"timestep_fraction", "schedule.fraction"},
                {"lr_warmup_steps", "lr_schedule.warmup"},
                {"lr_scheduler_type", "lr_schedule.kind"},
                {"ema_decay", "ema.decay"},
                {"save_freq", "checkpoint.every"},
                {"eval_freq", "eval.every"},
                {"resolution", "rollout.height"},
                {"prompt_file", "rollout.prompts"},
                {"torch_dtype", "dtype"}};
  constexpr size_t kTogether = 8;  // an error lists at most ten mistakes
  for (size_t first = 0; first < std::size(kWords); first += kTogether) {
    std::vector<std::string> args{"explain", "config", "recipes/glyphs/flow_grpo.toml"};
    std::string expected = "error: ";
    for (size_t i = first; i < std::min(first + kTogether, std::size(kWords)); ++i) {
      args.insert(args.end(), {"--set", cat(kWords[i].word, "=1")});
      expected += cat("[config] unknown key '", kWords[i].word, "' (--set #", i - first + 1,
                      "); did you mean '", kWords[i].key, "'?\n");
    }
    const Ran ran = gamut(args);
    EXPECT_EQ(ran.code, 2);
    EXPECT_EQ(ran.err, expected);
  }
}

TEST(help, flags_are_found_by_the_fields_words) {
  const auto said = [](const std::vector<std::string>& args) {
    const Ran ran = gamut(args);
    EXPECT_EQ(ran.code, 2) << args.front();
    return ran.err;
  };
  const auto expect = [&](const std::vector<std::string>& args, const std::string& text) {
    EXPECT_EQ(said(args), "error: [usage] unknown flag " + text + "; see gamut --help\n");
  };
  expect({"sample", "--prompt", "x", "--num_inference_steps", "4"},
         "'--num_inference_steps' of gamut sample; did you mean '--steps'?");
  expect({"sample", "--prompt", "x", "--guidance-scale=4"},
         "'--guidance-scale' of gamut sample; did you mean '--guidance'?");
  expect({"sample", "--prompt", "x", "--negative_prompt", "y"},
         "'--negative_prompt' of gamut sample; did you mean '--negative'?");
  expect({"sample", "--prompts", "x"}, "'--prompts' of gamut sample; did you mean '--prompt'?");
  expect({"sample", "--prompt", "x", "--modle", "y"}, "'--modle' of gamut sample; did you mean '--model'?");
  expect({"train", "x.toml", "--lr", "1e-4"},
         "'--lr' of gamut train; did you mean '--set optimizer.learning_rate=1e-4'?");
  expect({"train", "--lr", "1e-4", "x.toml"},
         "'--lr' of gamut train; did you mean '--set optimizer.learning_rate=1e-4'?");
  expect({"train", "x.toml", "--batch-size=4"},
         "'--batch-size' of gamut train; did you mean '--set rollout.micro_batch=4'?");
  expect({"train", "x.toml", "--iterations", "5"},
         "'--iterations' of gamut train; did you mean '--set iterations=5'?");
  expect({"train", "x.toml", "--output_dir", "y"}, "'--output_dir' of gamut train; did you mean '--run'?");
  expect({"eval", "x.toml", "--num_inference_steps", "4"},
         "'--num_inference_steps' of gamut eval; did you mean '--set eval.steps=4'?");
  expect({"explain", "config", "x.toml", "--frobnicate"}, "'--frobnicate' of gamut explain config");
}

}  // namespace help_test
}  // namespace gamut::testing
